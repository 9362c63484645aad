"""Password hashes."""

from collections.abc import Iterator

import pytest

from tensorfleet.gateway.passwords import MEMORY_KIB, Passwords, generate_password


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords()
    yield made
    made.close()


async def test_only_the_right_password_is_right(passwords: Passwords) -> None:
    stored = await passwords.hash("correct horse ✓")
    assert await passwords.is_right("correct horse ✓", stored)
    assert not await passwords.is_right("correct horse", stored)
    assert not await passwords.is_right("", stored)


async def test_hash_is_argon2id_with_salt_and_without_the_password(passwords: Passwords) -> None:
    first, second = await passwords.hash("secret"), await passwords.hash("secret")
    assert first != second
    assert first.startswith(f"$argon2id$v=19$m={MEMORY_KIB},t=2,p=1$")
    assert "secret" not in first


async def test_nothing_is_right_where_there_is_no_user(passwords: Passwords) -> None:
    assert not await passwords.is_right("anything", None)


@pytest.mark.parametrize("stored", ["", "plain", "$argon2id$broken"])
async def test_damaged_hash_is_never_right(passwords: Passwords, stored: str) -> None:
    assert not await passwords.is_right(stored, stored)


def test_generated_passwords_differ_and_are_long() -> None:
    made = {generate_password() for _ in range(100)}
    assert len(made) == 100
    assert all(len(password) == 24 for password in made)
