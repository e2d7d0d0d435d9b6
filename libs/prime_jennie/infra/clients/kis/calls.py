"""Calls of KIS's REST interface: a read is repeated after a refusal that allows it, an order never."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from prime_jennie.domain.errors import BrokerRefused, OutcomeUnknown, Unavailable
from prime_jennie.infra.clients.kis.auth import AppKey, Tokens
from prime_jennie.infra.clients.kis.envelope import TOKEN_CODES, Envelope, read_envelope
from prime_jennie.infra.clients.kis.transport import NOT_CONNECTED, Answer, CallClass, Permit, Transport
from prime_jennie.infra.clients.kis.unread import Unread, let_go

_READ_ATTEMPTS = 3
_MOST_PAGES = 100
_LAST_CURSORS = frozenset({"", "^^"})


class KisCalls:
    """Authorised calls with one app key; `permit` is asked before each read, orders are permitted by their sender."""

    def __init__(
        self, transport: Transport, tokens: Tokens, app_key: AppKey, permit: Permit, unread: Unread = let_go
    ) -> None:
        self._transport = transport
        self._tokens = tokens
        self._app_key = app_key
        self._permit = permit
        self._unread = unread

    async def read(
        self, path: str, tr_id: str, query: Mapping[str, str], call_class: CallClass, tr_cont: str = ""
    ) -> Envelope:
        """Ask; Unavailable when no readable answer came, BrokerRefused when the broker said no."""
        for left in reversed(range(_READ_ATTEMPTS)):
            token = await self._token_for_reading()
            try:
                async with self._permit(call_class):
                    answer = await self._transport.get(path, self._headers(token, tr_id, tr_cont), query)
                    return self._envelope(tr_id, answer)
            except OutcomeUnknown as unknown:
                raise Unavailable(f"the broker did not answer: {unknown}") from None
            except BrokerRefused as refused:
                if refused.code == NOT_CONNECTED:
                    raise Unavailable(refused.message) from None
                if refused.code in TOKEN_CODES:
                    self._tokens.refused("access", token)
                if not refused.may_retry or not left:
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def pages(self, path: str, tr_id: str, query: Mapping[str, str]) -> list[Envelope]:
        """Read all pages or raise: half a list would prove nothing absent."""
        pages: list[Envelope] = []
        cursor, tr_cont = ("", ""), ""
        for _ in range(_MOST_PAGES):
            keys = {"CTX_AREA_FK100": cursor[0], "CTX_AREA_NK100": cursor[1]}
            page = await self.read(path, tr_id, {**query, **keys}, CallClass.ACCOUNT, tr_cont)
            pages.append(page)
            following = (page.text("ctx_area_fk100"), page.text("ctx_area_nk100"))
            if not page.more or following[1] in _LAST_CURSORS:
                return pages
            if following == cursor:
                raise Unavailable("the broker's list does not go on")
            cursor, tr_cont = following, "N"
        raise Unavailable("the broker's list does not end")

    async def send(self, path: str, tr_id: str, body: Mapping[str, str]) -> Envelope:
        """Send once: BrokerRefused is a definite no, OutcomeUnknown everything else that is no acceptance."""
        token = await self._tokens.access()
        answer = await self._transport.post(path, self._headers(token, tr_id, ""), body)
        try:
            return self._envelope(tr_id, answer)
        except BrokerRefused as refused:
            if refused.code in TOKEN_CODES:
                self._tokens.refused("access", token)
            raise

    def _envelope(self, tr_id: str, answer: Answer) -> Envelope:
        try:
            return read_envelope(answer.status, answer.tr_cont, answer.content, answer.source)
        except OutcomeUnknown as unknown:
            self._unread(f"{tr_id}: {unknown}", answer.content.decode("utf-8", "replace"))
            raise

    async def _token_for_reading(self) -> str:
        try:
            return await self._tokens.access()
        except (OutcomeUnknown, BrokerRefused) as error:
            raise Unavailable(f"no access token: {error}") from None

    def _headers(self, token: str, tr_id: str, tr_cont: str) -> dict[str, str]:
        return {
            "content-type": "application/json; charset=utf-8",
            "authorization": f"Bearer {token}",
            "appkey": self._app_key.key.get_secret_value(),
            "appsecret": self._app_key.secret.get_secret_value(),
            "tr_id": tr_id,
            "tr_cont": tr_cont,
            "custtype": "P",
        }


@contextmanager
def readable() -> Iterator[None]:
    """Turn a refusal, or an answer that makes no sense, into a failed query: never into an empty answer."""
    try:
        yield
    except BrokerRefused as refused:
        raise Unavailable(f"the broker refused the query: {refused}") from None
    except OutcomeUnknown as unknown:
        raise Unavailable(f"the broker's answer cannot be read: {unknown}") from None
