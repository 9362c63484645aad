"""Pictures as parts of an HTML page: no references to elsewhere, and the page's own colours."""

import re

# What is not a colour of the data follows the page, light or dark.
_PAGE_COLOURS = {
    "#ffffff": "var(--page, #ffffff)",
    "white": "var(--page, #ffffff)",
    "#202124": "var(--ink, #202124)",
    "#000000": "var(--ink, #000000)",
    "#5f6368": "var(--soft, #5f6368)",
    "#dadce0": "var(--line, #dadce0)",
}
_COLOUR = re.compile(r"(?P<property>(?:fill|stroke): ?)(?P<colour>#[0-9a-f]{6}|white)\b")
_IDENTIFIER = re.compile(r'\bid="(?P<name>[^"]*)"')
_LOCAL_LINK = re.compile(r'\b(?:xlink:)?href="#(?P<name>[^"]*)"')
_LOCAL_URL = re.compile(r"url\(#(?P<name>[^)]*)\)")
_TEXT = re.compile(r"<text(?![^>]*\bfill:)(?P<rest>[^>]*style=\")")


def inline_svg(picture: bytes, *, name: str, title: str) -> str:
    """An SVG file as an element of a page.

    Args:
        picture: What matplotlib wrote.
        name: Tells its identifiers from those of the page's other pictures.
        title: Escaped text for those who do not see it.
    """
    text = picture.decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\s+xmlns(:\w+)?="[^"]*"', "", text)
    used = set(_LOCAL_LINK.findall(text)) | set(_LOCAL_URL.findall(text))
    text = _IDENTIFIER.sub(
        lambda found: f'id="{name}-{found["name"]}"' if found["name"] in used else "", text
    )
    text = _LOCAL_LINK.sub(lambda found: f'href="#{name}-{found["name"]}"', text)
    text = _LOCAL_URL.sub(lambda found: f"url(#{name}-{found['name']})", text)
    text = _TEXT.sub(r"<text\g<rest>fill: #202124; ", text)
    text = _COLOUR.sub(
        lambda found: found["property"] + _PAGE_COLOURS.get(found["colour"], found["colour"]), text
    )
    return text.replace("<svg", f'<svg role="img" aria-label="{title}"', 1).strip()
