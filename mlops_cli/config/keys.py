"""Where each key of a TOML text stands: its line, which no TOML reader keeps."""

import re
from dataclasses import dataclass, field

Path = tuple[str, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL)
_ESCAPE = re.compile(r'\\([\\"])')
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_PLAIN = re.compile(r"[^,\]}#\n\"'{\[]+")


def key_lines(text: str) -> dict[Path, int]:
    r"""Path of every table and key, dotted ones and those of inline tables too, to its line.

    Parameters
    ----------
    text : valid TOML; of what is not valid as much as was understood

    Returns
    -------
    dict
        Lines are counted from 1. A table that is only implied (`a` of `[a.b]`) has that line. Tables of an
        array are numbered: ("runs", "0", "name").

    Examples
    --------
    >>> key_lines('schema = 1\n[gate]\nfail_on = "alarm"')
    {('schema',): 1, ('gate',): 2, ('gate', 'fail_on'): 3}

    """
    return _Scan(text).run()


@dataclass
class _Scan:
    text: str
    at: int = 0
    found: dict[Path, int] = field(default_factory=dict)
    arrays: dict[Path, int] = field(default_factory=dict)

    def run(self) -> dict[Path, int]:
        table: Path = ()
        while self._skip() < len(self.text):
            start = self.at
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
            if self.at == start:  # not TOML: go on with the next line
                end = self.text.find("\n", self.at)
                self.at = end + 1 if end >= 0 else len(self.text)
        return self.found

    def _skip(self) -> int:
        match = _BLANK.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.at

    def _note(self, base: Path, path: Path) -> Path:
        line = self.text.count("\n", 0, self.at) + 1
        for depth in range(len(base) + 1, len(base + path) + 1):
            self.found.setdefault((base + path)[:depth], line)
        return base + path

    def _header(self) -> Path:
        many = self.text.startswith("[[", self.at)
        self.at += 2 if many else 1
        path = self._placed(self._key())
        if many:
            number = self.arrays[path] = self.arrays.get(path, -1) + 1
            path = (*path, str(number))
        self._note((), path)
        end = self.text.find("]", self.at)
        self.at = len(self.text) if end < 0 else end + (2 if many else 1)
        return path

    def _placed(self, path: Path) -> Path:
        """`[runs.env]` after `[[runs]]` is of the last of them."""
        out: Path = ()
        for part in path:
            if out in self.arrays:
                out = (*out, str(self.arrays[out]))
            out = (*out, part)
        return out

    def _key(self) -> Path:
        parts: list[str] = []
        while True:
            while self.text[self.at : self.at + 1] in {" ", "\t"}:
                self.at += 1
            match = _STRING.match(self.text, self.at) or _BARE.match(self.text, self.at)
            if not match:
                return tuple(parts)
            word = match[0]
            self.at = match.end()
            if word[0] == '"':
                word = _ESCAPE.sub(r"\1", word[1:-1])
            elif word[0] == "'":
                word = word[1:-1]
            parts.append(word)
            while self.text[self.at : self.at + 1] in {" ", "\t"}:
                self.at += 1
            if self.text[self.at : self.at + 1] != ".":
                return tuple(parts)
            self.at += 1

    def _pair(self, table: Path) -> None:
        path = self._key()
        if not path or self.text[self.at : self.at + 1] != "=":
            return
        path = self._note(table, path)
        self.at += 1
        self._value(path)

    def _value(self, path: Path) -> None:
        """A value, with the keys of the inline tables in it; those in arrays have no path of their own."""
        while self.text[self.at : self.at + 1] in {" ", "\t"}:
            self.at += 1
        opening = self.text[self.at : self.at + 1]
        if opening not in {"{", "["}:
            match = _STRING.match(self.text, self.at) or _PLAIN.match(self.text, self.at)
            self.at = match.end() if match else self.at
            return
        self.at += 1
        while self._skip() < len(self.text):
            here = self.text[self.at]
            if here in "}]":
                self.at += 1
                return
            start = self.at
            if here == ",":
                self.at += 1
            elif opening == "{":
                self._pair(path)
            else:
                self._value(path)
            if self.at == start:
                return
