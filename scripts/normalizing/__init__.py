"""The normal form of a spec: any OpenAPI 3.0 or 3.1 document, in one small dialect.

All tools read a spec in this form. Operations are values with every reference resolved
(`operations`). Schemas are only of these kinds, written as JSON Schema 2020-12:

| written as                              | what it is |
|-----------------------------------------|------------|
| `{}`                                    | anything   |
| `type` of one scalar type, bounds       | a string, integer, number or boolean; `type: null` |
| `type: array`, `items`                  | a list; `items` is always there |
| `const`, or `enum` without names        | listed values |
| `$ref`                                  | a class, by its name among `components.schemas` |
| `anyOf`                                 | several of these, flat, without duplicates, null last; |
|                                         | objects have a `discriminator` if there is one  |

Classes are objects (`properties`, `required`, `additionalProperties`) and enums of strings or of
integers (`enum`, `x-enum-varnames`). `type` is missing where the document does not give it: then
the keywords apply only to values of the type they describe. There is no `allOf`, `oneOf`,
`nullable`, list of types, boolean schema, `prefixItems` or `patternProperties`, and no inline
class.

The normal form allows every value that the document allows. Where it allows more values, the place
is listed (`NormalForm.widened`); what it cannot represent is an `UnsupportedConstruct`.

| module                 | subject                                                          |
|------------------------|------------------------------------------------------------------|
| `located`              | documents whose parts know their published JSON pointer          |
| `references`           | resolving references                                             |
| `keywords`             | the keywords of schemas, and the types they apply to             |
| `shapes`               | one alternative of a schema, and the intersection of two         |
| `reading`              | the alternatives of a schema                                     |
| `naming`, `enum_names` | names of classes and of enum members                             |
| `union_names`          | names of the inline schemas of a union                           |
| `discriminators`       | the property that distinguishes the objects of a union           |
| `writing`              | schemas in the normal form                                       |
| `operations`           | everything but schemas, as the document describes it             |
| `support`              | the operations that clients support                              |
| `wire`                 | how clients send and read: styles, media types, statuses         |
| `normal`               | the whole document in the normal form                            |
| `findings`, `messages` | what is not supported, and the report of it                      |
"""
