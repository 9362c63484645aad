"""How lists are asked for, page by page."""

from typing import Annotated

from litestar.params import QueryParameter

# The services cut a page at their own limits; more than this is a mistake.
LARGEST_PAGE_SIZE = 100_000

PageSize = Annotated[
    int, QueryParameter(ge=0, le=LARGEST_PAGE_SIZE, description="Rows a page; 0: the usual number")
]
PageToken = Annotated[
    str,
    QueryParameter(
        max_length=4096, description="`next_page_token` of the page before; empty: the first page"
    ),
]
