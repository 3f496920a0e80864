"""A table of books, for the admins."""

import datetime as dt
from pathlib import Path
from typing import Any

__all__ = ["make_books"]


def make_books(folder: Path) -> tuple[Any, Any]:
    """Return the model, and the engine of an empty table in the folder.

    SQLAlchemy reads the model's annotations, so they are no strings here.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

    class Base(DeclarativeBase):
        pass

    class Book(Base):
        __tablename__ = "books"
        id: Mapped[int] = mapped_column(primary_key=True)
        title: Mapped[str]
        written: Mapped[dt.date | None]

    engine = create_engine(f"sqlite:///{folder}/books.db")
    Base.metadata.create_all(engine)
    return Book, engine
