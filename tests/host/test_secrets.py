import pytest

from plait.host.secrets import MASK, Redactor, Secret, find_secret, redact


def test_the_first_variable_that_is_set_wins() -> None:
    environ = {"B_KEY": " value-of-b ", "C_KEY": "c"}

    found = find_secret(["A_KEY", "B_KEY", "C_KEY"], environ, keyring=lambda service, name: "k")

    assert found == Secret("value-of-b", "B_KEY")


def test_the_keyring_is_asked_when_no_variable_is_set() -> None:
    asked = []

    def keyring(service: str, name: str) -> str | None:
        asked.append((service, name))
        return "from keyring" if name == "B_KEY" else None

    assert find_secret(["A_KEY", "B_KEY"], {"A_KEY": ""}, keyring=keyring) == Secret("from keyring", "keyring")
    assert asked == [("plait", "A_KEY"), ("plait", "B_KEY")]
    assert find_secret(["A_KEY"], {}, keyring=keyring) is None


def test_a_secret_does_not_show_its_value() -> None:
    assert "very-secret" not in f"{Secret('very-secret', 'X')!r} {[Secret('very-secret', 'X')]}"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("key sk-ant-api03-AbCdEf0123456789AbCdEf here", "api03-AbCdEf0123456789AbCdEf"),
        ("sk-proj-0123456789abcdef0123", "0123456789abcdef0123"),
        ("token=ghp_0123456789abcdefABCDEF0123456789abcd", "0123456789abcdefABCDEF0123456789abcd"),
        ("AKIAIOSFODNN7EXAMPLE", "IOSFODNN7EXAMPLE"),
        ("Authorization: Bearer abc.def-ghi_jkl~mno", "abc.def-ghi_jkl~mno"),
        ("authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ('{"x-api-key": "plain-value-1"}', "plain-value-1"),
        ('{\\"api_key\\": \\"plain-value-2\\"}', "plain-value-2"),
        ("https://user:hunter2hunter2@host/x", "hunter2hunter2"),
        ("?api_key=abcdef123456&x=1", "abcdef123456"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc", "eyJzdWIiOiIxMjM0In0"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----", "MIIE"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEcut", "MIIEcut"),
        ("AIzaSyA-0123456789abcdef0123456789abcde", "SyA-0123456789abcdef"),
    ],
)
def test_what_is_shaped_like_a_key_is_masked(text: str, secret: str) -> None:
    masked = redact(text)

    assert secret not in masked
    assert MASK in masked


@pytest.mark.parametrize(
    "text",
    [
        "Basic understanding of the bearer of news", "a task-oriented-and-rather-long-name", "sk-short",
        "https://example.org:8080/a@b", "password reset page", "git log --oneline", "Bearer authentication",
    ],
)  # fmt: skip
def test_ordinary_text_stays(text: str) -> None:
    assert redact(text) == text


def test_values_of_secret_variables_are_masked_wherever_they_appear() -> None:
    environ = {
        "MY_API_KEY": "correct horse battery",
        "GITHUB_TOKEN": "short",
        "AWS_ACCESS_KEY_ID": "not-so-secret-id",
        "HOME": "/home/somebody",
        "SSL_KEY_FILE": "/etc/ssl/some.file",
    }
    redactor = Redactor(environ)
    redactor.add(Secret("found later on", "keyring"))

    masked = redactor.redact(
        "correct horse battery, short, not-so-secret-id, /home/somebody, found later on, /etc/ssl/some.file"
    )

    assert masked == f"{MASK}, short, not-so-secret-id, /home/somebody, {MASK}, /etc/ssl/some.file"
