"""Tokens, approval keys and hash keys."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from kis_simulator.credentials import TOKEN_LIFE, IssueRefused
from kis_simulator.world import World
from prime_jennie.domain.sessions import KST


def issue_token(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer POST /oauth2/tokenP; raises IssueRefused."""
    _demand_grant(body)
    now = world.now()
    token = world.credentials.issue_token(str(body.get("appkey", "")), str(body.get("appsecret", "")), now)
    expires = token.issued_at + TOKEN_LIFE
    return {
        "access_token": token.text,
        "access_token_token_expired": expires.astimezone(KST).strftime("%Y-%m-%d %H:%M:%S"),
        "token_type": "Bearer",
        "expires_in": int((expires - now) / timedelta(seconds=1)),
    }


def issue_approval(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer POST /oauth2/Approval; the secret's field is `secretkey` here."""
    _demand_grant(body)
    key = world.credentials.issue_approval(str(body.get("appkey", "")), str(body.get("secretkey", "")), world.now())
    return {"approval_key": key}


def hash_key(body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer POST /uapi/hashkey with a digest of the body."""
    canonical = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return {"BODY": body, "HASH": hashlib.sha256(canonical.encode()).hexdigest()}


def _demand_grant(body: Mapping[str, Any]) -> None:
    if body.get("grant_type") != "client_credentials":
        raise IssueRefused("EGW00101", "유효하지 않은 요청입니다.")
