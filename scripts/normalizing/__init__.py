"""The normal form of a spec: any OpenAPI 3.0 or 3.1 document, in one small dialect.

Everything that reads a spec reads this. Operations are values with every reference followed
(`operations`). Of schemas there are only these, written as JSON Schema 2020-12:

| written as                              | what it is |
|-----------------------------------------|------------|
| `{}`                                    | anything   |
| `type` of one scalar type, bounds       | a text, integer, number or boolean; `type: null` |
| `type: array`, `items`                  | a list; `items` is always there |
| `const`, or `enum` of what has no names | listed values |
| `$ref`                                  | a class, by its name among `components.schemas` |
| `anyOf`                                 | several of these, flat, none twice, null last;  |
|                                         | objects have a `discriminator` if there is one  |

Classes are objects (`properties`, `required`, `additionalProperties`) and enums of texts or of
integers (`enum`, `x-enum-varnames`). `type` is missing where the document does not say it: then
only values of the kind that is described are bound. There is no `allOf`, `oneOf`, `nullable`, list
of types, boolean schema, `prefixItems` or `patternProperties`, and no inline class.

A value that the document allows is allowed by its normal form, always. What the normal form allows
besides is listed, each with its place (`NormalForm.widened`); what cannot be carried is an
`UnsupportedConstruct`.

| module                 | subject                                                          |
|------------------------|------------------------------------------------------------------|
| `located`              | documents whose parts know where they stand in the published one |
| `references`           | following references                                             |
| `keywords`             | what keywords say, and of values of which type                   |
| `shapes`               | one alternative of a schema, and what two say together           |
| `reading`              | the alternatives of a schema                                     |
| `naming`, `enum_names` | names of classes and of enum members                             |
| `union_names`          | names of the inline schemas of a union                           |
| `discriminators`       | what tells the objects of a union apart                          |
| `writing`              | schemas in the normal form                                       |
| `operations`           | operations in the normal form                                    |
| `normal`               | all of it                                                        |
| `findings`, `messages` | what is not carried, and how it is said                          |
| `published`            | the published document as JSON Schema, for judges                |
"""
