"""A token names its strategy and nobody can write one without the key."""

import pytest

from prime_jennie.infra.tokens import mint, strategy_of_header, verify

KEY = "k" * 32


def test_a_minted_token_names_its_strategy() -> None:
    assert verify(mint("krx-core", KEY), KEY) == "krx-core"


def test_the_signature_is_the_hmac_of_the_name_as_base64url() -> None:
    # printf krx-core | openssl dgst -sha256 -hmac kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk -binary | basenc --base64url
    name, _, signature = mint("krx-core", KEY).partition(".")
    assert (name, len(signature)) == ("krx-core", 43)  # 32 bytes are 43 characters without padding
    assert not set(signature) & set("+/=")


@pytest.mark.parametrize(
    "forged",
    [
        "",
        ".",
        "krx-core",
        "krx-core.",
        "krx-core.AAAA",
        mint("krx-core", "other" * 8),
        "한글.한글",
        " " + mint("krx-core", KEY),
    ],
)
def test_a_forged_token_names_nobody(forged: str) -> None:
    assert verify(forged, KEY) is None


def test_a_token_of_one_strategy_is_none_of_another() -> None:
    signature = mint("krx-core", KEY).partition(".")[2]
    assert verify(f"krx-other.{signature}", KEY) is None


def test_an_empty_key_signs_and_verifies_nothing() -> None:
    with pytest.raises(ValueError, match="key"):
        mint("krx-core", "")
    assert verify("krx-core.", "") is None
    with pytest.raises(ValueError, match="dot"):
        mint("krx.core", KEY)


def test_the_strategy_comes_from_a_bearer_header() -> None:
    assert strategy_of_header(f"Bearer {mint('krx-core', KEY)}", KEY) == "krx-core"
    assert strategy_of_header(f"bearer {mint('krx-core', KEY)}", KEY) == "krx-core"
    assert strategy_of_header(f"Basic {mint('krx-core', KEY)}", KEY) is None
    assert strategy_of_header(None, KEY) is None
