"""How to cite: what stands in two files is what the package says of itself."""

import yaml  # comes with myst-nb
from book import ROOT

import lenet_book


def test_the_citation_file_says_what_its_format_demands_and_the_version():
    said = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert said["cff-version"] == "1.2.0" and said["message"] and said["type"] == "software"
    assert said["authors"] == [{"name": "The LeNet book's authors"}]
    assert (said["title"], said["license"]) == ("The LeNet book", "MIT")
    assert str(said["version"]) == lenet_book.__version__


def test_the_page_says_the_same():
    page = (ROOT / "docs" / "citing.md").read_text("utf-8")
    for field in ("{The {LeNet} book}", "{{The LeNet book's authors}}",
                  f"{{Version {lenet_book.__version__}}}"):
        assert f"= {field}" in page
