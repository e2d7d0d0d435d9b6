"""A cache in a dictionary; it keeps JSON, so that what is read was really written."""

from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

T = TypeVar("T", bound=BaseModel)


class InMemoryCache(Generic[T]):
    """Twin of TypedCache; `expire` stands for the passing of a time to live."""

    def __init__(self, key_pattern: str, model_type: type[T], default_ttl: int) -> None:
        self._key_pattern = key_pattern
        self._model_type = model_type
        self._default_ttl_secs = default_ttl
        self.texts: dict[str, str] = {}
        self.ttls_secs: dict[str, int] = {}

    async def get(self, **key_params: object) -> T | None:
        text = self.texts.get(self._key_pattern.format(**key_params))
        if text is None:
            return None
        try:
            return self._model_type.model_validate_json(text)
        except ValidationError:
            return None

    async def set(self, value: T, ttl: int | None = None, **key_params: object) -> None:
        key = self._key_pattern.format(**key_params)
        self.texts[key] = value.model_dump_json()
        self.ttls_secs[key] = self._default_ttl_secs if ttl is None else ttl

    async def delete(self, **key_params: object) -> None:
        self.expire(self._key_pattern.format(**key_params))

    def expire(self, key: str) -> None:
        """Forget a key as its time to live would."""
        self.texts.pop(key, None)
        self.ttls_secs.pop(key, None)
