"""`receiver api`: where the document is, and who may read it."""

from receiver.web.api import document
from tests.support.api import VI


def with_operator(operator):
    text = operator.config.read_text()
    operator.config.write_text(f"{text}\n[operators.vi]\ntoken = '{VI}'\n")
    return operator


def test_address(operator):
    """The document's address, at the URL of a proxy too; with --json also who may use the API, without tokens."""
    with_operator(operator)

    assert "http://127.0.0.1:8000/api/v1/openapi.yaml\n" == operator.says("api")
    address = "https://r.example/api/v1/openapi.yaml"
    expected = {"document": address, "operators": [{"name": "vi", "role": "view"}]}
    assert [expected] == operator.tells("api", "--url", "https://r.example/")


def test_print(operator):
    """The document itself, without any server."""
    assert document().decode() == operator.says("api", "--print")


def test_shut(operator):
    """Without an operator nothing answers there, and that is said."""
    assert operator.fails("api").endswith("there is no [operators.<name>], so the API is shut; add one with a token")
