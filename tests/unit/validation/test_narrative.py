"""The XHTML of a narrative holds text, nothing that runs: https://hl7.org/fhir/R4/narrative.html."""

import pytest

from fhir_server.validation import validate

DIV = '<div xmlns="http://www.w3.org/1999/xhtml">%s</div>'


def places(div: str) -> list[tuple[str, str]]:
    resource = {"resourceType": "Patient", "text": {"status": "generated", "div": div}}
    return [(issue.code, issue.expression) for issue in validate(resource, "Patient")]


@pytest.mark.parametrize(
    "div",
    [
        DIV % "<script>alert(1)</script>",
        DIV % "<p onclick='x()'>a</p>",
        DIV % "<a href='javascript:x()'>a</a>",
        DIV % "<a href='java&#10;script:x()'>a</a>",
        DIV % "<img src='data:text/html,a'/>",
        DIV % "<iframe src='http://a'/>",
        DIV % "<p style='width: expression(x())'>a</p>",
        DIV % "&nbsp;",
        DIV % " ",
        DIV % "<p>",
        "text",
        "<div>a</div>",
        "<!DOCTYPE div [<!ENTITY a 'b'>]>" + DIV % "&a;",
        "<?xml-stylesheet href='a'?>" + DIV % "a",
        DIV % "<svg xmlns='http://www.w3.org/2000/svg'><p>a</p></svg>",
    ],
)
def test_a_narrative_that_is_unsafe_or_empty_is_refused(div: str) -> None:
    assert places(div) == [("invariant", "Patient.text.div")]


@pytest.mark.parametrize(
    "div",
    [
        DIV % "<p class='a' style='color: red'>a &amp; b <!-- c --></p>",
        DIV % "<img src='data:image/png;base64,AA=='/>",
        DIV
        % "<table><tbody><tr><td colspan='2'><a href='#x' name='y'>z</a></td></tr></tbody></table>",
    ],
)
def test_a_narrative_within_the_rules_is_accepted(div: str) -> None:
    assert places(div) == []
