"""A table of books, for the admins."""

import datetime as dt
from typing import Any

__all__ = ["make_book"]


def make_book(base: Any) -> Any:
    """Return a model below ``base``. SQLAlchemy reads its annotations, so they are no strings here."""
    from sqlalchemy.orm import Mapped, mapped_column

    class Book(base):  # type: ignore[misc]
        __tablename__ = "books"
        id: Mapped[int] = mapped_column(primary_key=True)
        title: Mapped[str]
        written: Mapped[dt.date | None]

    return Book
