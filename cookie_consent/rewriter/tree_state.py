"""The open elements of HTML that decide how the markup after them is read."""

from __future__ import annotations

from cookie_consent.rewriter.grammar import FORM_TEXT

__all__ = ["TreeState"]

_MOST_ENDS = 100


class TreeState:
    """What is known of the tree outside SVG and MathML, where ``ForeignContent`` keeps a whole stack."""

    def __init__(self) -> None:
        self.templates = 0
        """How many templates are open."""
        self.has_table = self.has_frames = self.has_body = False
        """Whether a table, a frameset or the body has begun."""
        self.has_form = False
        """Whether a form is open outside of templates: browsers ignore the tags of forms inside it."""
        self._select: int | None = None
        """If a ``select`` is open, the number of templates in which it has begun."""

    @property
    def is_nested(self) -> bool:
        """Whether a ``select`` or a template is open."""
        return self._select is not None or self.templates > 0

    @property
    def is_ambiguous(self) -> bool:
        """Whether browsers differ in the tags that they ignore here: in framesets and in ``select``."""
        return self.has_frames or self._select is not None

    @property
    def end_tags(self) -> bytes:
        """The end tags of what would hide anything inserted next, or take its buttons for those of another form."""
        form = b"</form>" if self.has_form else b""
        select = b"</select>" if self._select is not None else b""
        return select + b"</template>" * min(self.templates, _MOST_ENDS) + form

    def start(self, name: bytes) -> None:
        """Take note of a start tag."""
        if name == b"template":
            self.templates += 1
        elif name == b"select":
            if self._select is None:
                self._select = self.templates
        elif name == b"body":
            self.has_body = True
        elif name == b"frameset":
            self.has_frames = True
        elif name == b"table":
            self.has_table = True
        elif name == b"form":
            self.has_form = self.has_form or not self.templates

    def end(self, name: bytes) -> bool:
        """Take note of an end tag; return True if it closes a ``select`` or a template."""
        if name == b"select" and self._select == self.templates:
            self._select = None
            return True
        if name == b"template" and self.templates:
            self.templates -= 1
            if self._select is not None and self._select > self.templates:  # it was open inside the template
                self._select = None
            return True
        if name == b"form" and not self.templates:
            self.has_form = False
        return False

    def may_ignore(self, name: bytes) -> bool:
        """Say whether the start tag of an element with raw text may be ignored, so that its text is markup."""
        if self.has_frames:
            return name not in {b"noframes", FORM_TEXT}
        # Older parsers ignore all tags in a select that do not belong there.
        return self._select is not None and name not in {b"script", FORM_TEXT}
