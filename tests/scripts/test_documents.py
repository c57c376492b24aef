"""YAML as OpenAPI takes it: scripts/common/documents.py, within the limits of guard.py."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from common import documents, guard
from common.tool_errors import ToolError

SCRIPTS = Path(__file__).parents[2] / "scripts"

#: Seconds that no document may take; the slowest here takes five on a slow machine.
HANGING_S = 60

#: Reads documents, and says what became of each; one that wants all the memory gets none.
WORKER = """
import json, sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
except ImportError:
    pass
from common import guard
# A tenth of the limits: what is beyond them is made and read in a tenth of the time.
guard.MAX_BYTES, guard.MAX_NODES, guard.MAX_CHARACTERS = 2_000_000, 100_000, 4_000_000
from common import documents
from common.tool_errors import ToolError
for line in sys.stdin.buffer:
    content = sys.stdin.buffer.read(int(line))
    try:
        documents.parse(content, "some.yaml")
        said = None
    except ToolError as error:
        said = str(error)
    print(json.dumps(said), flush=True)
"""


def load(tmp_path, content):
    """Load a document of that content."""
    path = tmp_path / "some.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return documents.load(path)


def parse(content):
    """Parse a document of that content."""
    return documents.parse(content if isinstance(content, bytes) else content.encode(), "some.yaml")


def refusal(content):
    """Return the words by which a document is refused: one line that names it."""
    with pytest.raises(ToolError, match=r"^some\.yaml") as caught:
        parse(content)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 500
    return message


def test_keys_and_dates_are_strings(tmp_path):
    """As in JSON: a status is a key, and an API's version is often a date."""
    text = "200: a\ntrue: b\nnull: c\n1.5: d\n2024-01-01: 2024-01-02\ne: 2024-01-01T00:00:00Z"

    assert load(tmp_path, text) == {
        "200": "a",
        "true": "b",
        "null": "c",
        "1.5": "d",
        "2024-01-01": "2024-01-02",
        "e": "2024-01-01T00:00:00Z",
    }


def test_aliases_share_nothing(tmp_path):
    """An overlay that changes one place must not change another."""
    document = load(tmp_path, "a: &a {x: [1]}\nb: *a\nc: {<<: *a}")

    document["a"]["x"].append(2)

    assert document["b"] == {"x": [1]}
    assert document["c"] == {"x": [1]}


@pytest.mark.filterwarnings("error")
def test_an_anchor_may_be_used_anew():
    """The last anchor before the alias counts, without a warning."""
    assert parse("a: &a 1\nb: &a 2\nc: *a") == {"a": 1, "b": 2, "c": 2}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no mapping"),
        ("- 1", "holds no mapping"),
        ("text", "holds no mapping"),
        ("a: [", "line 1 is not YAML"),
        ("a: 1\nb: 2\na: 3", 'line 3 is not YAML: found duplicate key "a"'),
        ("a: 1\n---\nb: 2", "is not YAML"),
        (b"a: \xff\xfe", "line 1 is not YAML: it is not UTF-8 text"),
        ("a: 1".encode("utf-16"), "is not UTF-8 text"),
        ("a: 1".encode("utf-16-le"), "the character U+0000"),
        (b"a: \x00", "is not YAML"),
        (b"a: 1\nb: \x1b[2J", "line 2 is not YAML: it holds the character U+001B"),
        ("a: \x85\x7f", "the character U+007F"),
        ("a: \uffff", "the character U+FFFF"),
        ("a: !!python/object:os.system {}", "line 1 is not YAML"),
        ("a: !!python/object/apply:os.system [id]", "the tag 'tag:yaml.org,2002:python/object"),
        ("a: !!binary aGk=", "asks for what JSON does not have"),
        ("a: !!set {b}", "asks for what JSON does not have"),
        ("a: !!omap [b: 1]", "asks for what JSON does not have"),
        ("a: !!timestamp 2024-01-01", "asks for what JSON does not have"),
        ("a: !!int ''", "asks for what JSON does not have"),
        ("a: !own b", "the tag '!own'"),
        ("%TAG !! tag:example.com,2000:\n---\na: !!x 1", "has a YAML directive"),
        ("%YAML 1.1\n---\na: yes", "has a YAML directive"),
        ("a: &a {b: *a}", "contains itself"),
        ("a: &a {<<: *a}", "contains itself"),
        ("a: &a [&b [*a]]", "contains itself"),
        ("a: *b", "undefined alias"),
        ("? [1, 2]\n: a", "a key that is a collection"),
        ("? {a: 1}\n: a", "line 1 is not YAML"),
        ("a: .inf", "the number inf, which JSON does not have"),
        ("a: .nan", "the number nan"),
        ("a: 1e999", "the number inf"),
        ('{"a": 1e999}', "the number inf"),
        ('{"a": NaN}', "holds NaN, which JSON does not have"),
        ('{"a": 1, "b": 2, "a": 3}', 'the duplicate key "a"'),
        ('a: "\\ud800"', "has the escape of U+D800, half of a surrogate pair"),
        ('a: "\\ud83d\\ude00"', "escape of U+D83D"),
        ('{"a": "\\ud800"}', "escape of U+D800"),
        ('{"\\ud800": 1}', "escape of U+D800"),
        ('a: "\\U00110000"', "is not YAML"),
        ("a: " + 1200 * "[" + 1200 * "]", "nested too deeply"),
    ],
)
def test_what_is_no_such_document_is_refused_by_name(content, message):
    """In one line that says where."""
    assert message in refusal(content)


def test_a_missing_file_and_a_directory_are_refused(tmp_path):
    """With the remedy."""
    with pytest.raises(ToolError, match=r"no.yaml is missing; restore it"):
        documents.load(tmp_path / "no.yaml")
    with pytest.raises(ToolError, match="cannot be read"):
        documents.load(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        r'{"a": "\/ \" \\ \b \f \n \r \t \u0041"}',
        r'{"a": "\ud83d\ude00"}',
        '{\t"a"\t:\t[\t1\t,\n\t\t2\t]\t}',
        '{"a": -0, "b": 1E5, "c": 1e-3, "d": 0.10, "e": 123456789012345678901234567890}',
        '{"a": true, "b": false, "c": null, "d": "yes", "e": "1", "f": {}, "g": []}',
        '{"' + 1000 * "k" + '": "a: b # c", "b": "é \u2028 \u0085 x"}',
        '\r\n {"a":\r\n1}\r\n',
        '{"<<": {"a": 1}, "=": "~"}',
        '{"a": "2024-01-01"}',
    ],
)
def test_json_is_read_as_json(text):
    """To the values that every reader of JSON has, with or without a byte order mark."""
    assert parse(text) == json.loads(text)
    assert parse("\ufeff" + text) == json.loads(text)


def test_what_only_begins_like_json_is_yaml():
    """A flow mapping."""
    assert parse("{a: 1, 'b': [x, y],} # end") == {"a": 1, "b": ["x", "y"]}


def test_the_limits_are_above_what_is_needed_and_hold_exactly():
    """What is at a limit is read; one more is not."""
    deep = guard.MAX_DEPTH - 1
    assert parse("a: " + deep * "[" + deep * "]")
    assert "too deeply" in refusal("a: " + (deep + 1) * "[" + (deep + 1) * "]")
    assert parse('{"a": ' + deep * "[" + deep * "]" + "}")
    assert "too deeply" in refusal('{"a": ' + (deep + 1) * "[" + (deep + 1) * "]" + "}")
    half = deep // 2
    assert "line 3, is nested too deeply" in refusal(
        f"a: &a {half * '['}{half * ']'}\nb: &b {half * '['}*a {half * ']'}\n"
        f"c: {half * '['}*b {half * ']'}"
    )
    assert parse("k" * guard.MAX_KEY + ": 1")
    assert parse("? " + guard.MAX_KEY * "k" + "\n: 1")
    assert "a key of more" in refusal("? " + (guard.MAX_KEY + 1) * "k" + "\n: 1")
    assert "a key of more" in refusal('{"' + (guard.MAX_KEY + 1) * "k" + '": 1}')
    assert parse("a: " + guard.MAX_SCALAR * "x")
    assert "a text of more" in refusal("a: " + (guard.MAX_SCALAR + 1) * "x")
    assert "a text of more" in refusal('{"a": "' + (guard.MAX_SCALAR + 1) * "x" + '"}')
    aliases = "a: &a 1\nb: [" + guard.MAX_ALIASES * "*a ,"
    assert parse(aliases + "]")
    assert "aliases" in refusal(aliases + "*a ]")
    assert parse("{}" + " " * (guard.MAX_BYTES - 2)) == {}
    assert "is larger than" in refusal(b"{}" + b" " * (guard.MAX_BYTES - 1))
    bits = 2**guard.MAX_INTEGER_BITS
    assert parse(f"a: {bits - 1}") == {"a": bits - 1}
    assert "an integer of more" in refusal(f"a: {bits}")
    assert "an integer of more" in refusal(f'{{"a": {bits}}}')


class Worker:
    """Another process that reads documents, and is ended if it hangs."""

    def __init__(self):
        self.process = None

    def read(self, content):
        """Return how a document was refused; None if it was not."""
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, "-c", WORKER],
                cwd=SCRIPTS,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        process, timer = self.process, threading.Timer(HANGING_S, self.process.kill)
        timer.start()
        process.stdin.write(b"%d\n%s" % (len(content), content))
        process.stdin.flush()
        line = process.stdout.readline()
        timer.cancel()
        if not line:
            self.close()
            pytest.fail("it hangs, or wants too much memory")
        return json.loads(line)

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


@pytest.fixture(scope="module")
def worker():
    """The process, for all of these tests, and a new one after one that hung."""
    started = Worker()
    yield started
    started.close()


N = 110_000  # characters: what is quadratic in them takes minutes

#: What is beyond a limit, or no YAML at all.
HOSTILE = {
    "aliases that double": "\n".join(
        ["a0: &a0 [x]", *(f"a{i + 1}: &a{i + 1} [*a{i} , *a{i} ]" for i in range(60))]
    ),
    "aliases that repeat a long text": f"a: &a {90_000 * 'x'}\nb: [" + 60 * "*a ," + "]",
    "merges that double": "\n".join(
        ["a0: &a0 {x: 1}", *(f"a{i + 1}: &a{i + 1} {{<<: [*a{i} , *a{i} ]}}" for i in range(60))]
    ),
    "many merges of much": "a: &a {"
    + "".join(f"k{i}: 1, " for i in range(900))
    + "}\nb:\n"
    + 900 * "- {<<: *a}\n",
    "a duplicate among what doubles": "\n".join(
        [
            "a0: &a0 [x]",
            *(f"a{i + 1}: &a{i + 1} [*a{i} , *a{i} ]" for i in range(60)),
            "a60: 1",
        ]
    ),
    "values": "a: [" + 101_000 * "1," + "]",
    "values in JSON": '{"a": [' + 101_000 * "1," + "1]}",
    "flow sequences": "a: " + N * "[",
    "flow mappings": "a: " + N * "{a: ",
    "block sequences": N * "- ",
    "block mappings": "".join(" " * i + "a:\n" for i in range(600)),
    "complex keys": N * "? ",
    "empty complex keys": N // 10 * "?\n",
    "colons": N * ": ",
    "dashes": N * "-",
    "a long key": N * "k" + ": 1",
    "a long quoted key": '"' + N * "k" + '": 1',
    "a long plain text": "a: " + N * "x",
    "a long text of words": "a: " + N * "x ",
    "a long text of lines": "a:\n" + N * " x\n",
    "a long quoted text": 'a: "' + N * "x" + '"',
    "a quoted text without end": 'a: "' + N * "x\n",
    "escapes": 'a: "' + N * "\\n" + '"',
    "a block text": "a: |\n" + N * " x\n",
    "digits": "a: " + N * "1",
    "digits in JSON": '{"a": ' + N * "1" + "}",
    "hexadecimal digits": "a: 0x" + 90_000 * "f",
    "a float of many digits": "a: " + 90_000 * "1" + ".5",
    "digits in a directive": "%YAML " + N * "1" + ".2\n---\na: 1",
    "a long tag": "a: !" + N * "x" + " 1",
    "documents": N * "---\n",
    "document ends": "a: 1\n" + N * "...\n",
    "tabs": N * "\t",
    "not quite JSON": '{"a": ' + 60 * "[" + 20_000 * "1," + "x" + 60 * "]" + "}}",
    "deep JSON": '{"a": ' + N * "[",
    "duplicates in JSON": "{" + "".join(f'"{i}": 1, ' for i in range(90_000)) + '"89999": 1}',
}

#: Where it shows that the cost was not paid first.
BEFORE = {
    "aliases that double": "line 16, holds more than 100000 values, counting what aliases repeat",
    "aliases that repeat a long text": "line 2, holds more than 4000000 characters",
    "many merges of much": "line 57, holds more than 100000 values, counting what aliases",
    "values": "line 1, holds more than 100000 values, counting what aliases repeat",
    "digits in JSON": "holds a number of 110000 digits",
}

#: Odd, but neither large nor dangerous: these are read.
HARMLESS = {
    "underscores": "a: 1" + 90_000 * "_" + "x",
    "directives": N // 4 * "%A\n" + "---\na: 1",
    "comments": "a: 1\n" + N * "#\n",
    "a long comment": "a: 1\n#" + N * "x",
    "comments between": "a:\n" + 5_000 * "- 1\n  #\n   #\n",
    "blank lines": "a: 1\n" + N * "\n",
    "spaces": "a: 1\n" + N * " ",
    "carriage returns": "a: 1" + N * "\r",
    "a block text of blank lines": "a: |\n" + 90_000 * "\n",
    "anchors": "a:\n" + "".join(f"- &a{i} 1\n" for i in range(5_000)),
    "one anchor used anew": "a:\n" + 5_000 * "- &a 1\n",
    "a long anchor": "a: &" + N * "x" + " 1",
    "pairs in sequences": "a: [" + 5_000 * "a: b, " + "]",
    "flow over lines": "a: [" + N * "\n" + "]",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_document_is_refused_and_does_not_hang(worker, kind):
    """Memory stays bounded, too."""
    output = worker.read(HOSTILE[kind].encode())

    assert output is not None
    assert output.startswith("some.yaml")
    assert len(output) < 500
    assert BEFORE.get(kind, "some.yaml") in output


@pytest.mark.parametrize("kind", HARMLESS)
def test_an_odd_document_is_read_and_does_not_hang(worker, kind):
    """In a time that grows with its length, and not faster."""
    assert worker.read(HARMLESS[kind].encode()) is None
