"""A world for every module here."""

from tests.support.world import world as world
