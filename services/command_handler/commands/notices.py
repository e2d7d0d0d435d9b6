"""/mute, /unmute, /lang: how a chat is spoken to."""

from datetime import datetime, timedelta
from typing import Final

from command_handler.arguments import no_words, whole_number
from command_handler.desk import Ask
from command_handler.languages import Languages
from command_handler.mute import Mute
from command_handler.phrases import Phrase
from command_handler.replies import Refused, Reply, WrongArgument, done, told
from prime_jennie.domain.reader import Language
from prime_jennie.domain.sessions import KST

LONGEST_MUTE_MINUTES: Final = 1_440


class Notices:
    """Mutes everybody's notices; chooses one chat's language."""

    def __init__(self, mute: Mute, languages: Languages) -> None:
        self._mute = mute
        self._languages = languages

    async def mute(self, ask: Ask) -> Reply:
        """Be quiet for minutes; CRITICAL alerts and answers come all the same."""
        if not ask.words:
            until = await self._mute.until(ask.at)
            if until is None:
                return told(Phrase("알림이 켜져 있습니다", "Notices are on"))
            return told(Phrase(f"{_time(until)}까지 조용합니다", f"Muted until {_time(until)}"))
        if len(ask.words) > 1:
            raise WrongArgument(Phrase("분 하나만 적으십시오", "say a number of minutes only"))
        what = Phrase("분", "minutes")
        minutes = whole_number(ask.words[0], what, most=LONGEST_MUTE_MINUTES, unit="분")
        until = ask.at + timedelta(minutes=minutes)
        await self._mute.mute(until)
        return done(
            Phrase(f"{_time(until)}까지 알림을 끕니다", f"Muted until {_time(until)}"),
            Phrase("CRITICAL 경보는 그대로 옵니다", "CRITICAL alerts still come"),
        )

    async def unmute(self, ask: Ask) -> Reply:
        """Be told again."""
        no_words(ask.words)
        if not await self._mute.unmute():
            raise Refused(Phrase("알림이 이미 켜져 있습니다", "Notices are on already"))
        return done(Phrase("알림을 켭니다", "Notices are on"))

    async def lang(self, ask: Ask) -> Reply:
        """Speak Korean or English in this chat."""
        if len(ask.words) != 1 or ask.words[0].lower() not in list(Language):
            raise WrongArgument(Phrase("ko 또는 en을 적으십시오", "say ko or en"))
        await self._languages.choose(ask.chat, Language(ask.words[0].lower()), who=ask.who, at=ask.at)
        return done(Phrase("이 대화는 한국어로 합니다", "This chat is in English"))


def _time(at: datetime) -> str:
    return f"{at.astimezone(KST):%H:%M}"
