"""What can go wrong at the sandbox's OpenAI, on demand."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from typing import Any, Final

FAULTS: Final = {
    "429": "a request is answered 429 with Retry-After and the headers of rate limits",
    "500": "a request is answered 500, and nothing is done",
    "lost": "a request is done, and answered 500",
    "slow": "a request takes `seconds`",
    "cut": "the content of a file breaks off after `after_bytes`",
    "token_limit_exceeded": "a batch fails in validation: too many tokens wait",
    "expire": "a batch expires; a `share` of its requests is done, the others are batch_expired",
    "partial": "a `share` of a batch's requests ends in the error file with status 500",
    "rejected": "a `share` of a batch's requests ends in the error file with status 400",
    "dropped": "a `share` of a batch's requests is done, billed, and in no file",
    "bad_line": "the output file of a batch has a line that is not JSON",
    "not_json": "the model's answer is not JSON",
    "wrong_schema": "the model's answer is JSON of another schema",
    "invented": "the model's answer has facts whose snippets are on no page",
    "obedient": "the model does what the page tells it to: it sets fields that were not asked for",
    "refusal": "the model refuses",
    "cut_off": "the model's answer is cut off",
}


@dataclass(slots=True)
class Fault:
    """One fault that waits to be shown.

    Attributes:
        fault: which one.
        where: part of the path that it concerns (`batches`, `files`, `embeddings`, `chat`); None for every one.
        about: text that the request must contain (in a page, or a custom_id); None for every one.
        times: how often it is shown before it is used up.
        share: for `expire`, `partial`, `rejected`, `dropped`: of the requests, 0 to 1.
        seconds: for `slow`, and Retry-After of `429`.
        after_bytes: for `cut`.
    """

    fault: str
    where: str | None = None
    about: str | None = None
    times: int = 1
    share: float = 0.5
    seconds: float = 0.2
    after_bytes: int = 1000

    def __post_init__(self) -> None:
        """Refuse a name that is no fault (ValueError)."""
        if self.fault not in FAULTS:
            raise ValueError(f"no such fault: {self.fault}; one of {', '.join(FAULTS)}")

    def as_dict(self) -> dict[str, Any]:
        """Return the attributes as a dictionary."""
        return asdict(self)


class Faults:
    """The faults that wait, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def add(self, fault: str, **options: Any) -> Fault:
        """Ask for a fault."""
        made = Fault(fault, **options)
        with self._lock:
            self._waiting.append(made)
        return made

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._waiting.clear()

    def waiting(self) -> list[Fault]:
        """Return the faults that are not used up."""
        with self._lock:
            return list(self._waiting)

    def take(self, name: str, where: str = "", text: str = "") -> Fault | None:
        """Use one showing of a fault up; return it, or None when none waits for such a request."""
        with self._lock:
            for fault in self._waiting:
                if fault.fault != name or (fault.where is not None and fault.where not in where):
                    continue
                if fault.about is not None and fault.about not in text:
                    continue
                fault.times -= 1
                if fault.times <= 0:
                    self._waiting.remove(fault)
                return fault
        return None
