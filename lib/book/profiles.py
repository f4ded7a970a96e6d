"""The three sizes at which every chapter runs: smoke, quick and paper."""

from collections.abc import Mapping
from typing import TypeVar

PROFILES = ("smoke", "quick", "paper")

Settings = TypeVar("Settings")


def choose(settings: Mapping[str, Settings], profile: str) -> Settings:
    """Return a part's settings for one profile."""
    if profile not in PROFILES:
        raise ValueError(f"unknown profile {profile!r}; choose one of: {', '.join(PROFILES)}")
    return settings[profile]
