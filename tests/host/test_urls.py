import ipaddress

import pytest

from plait.host.urls import (
    is_allowed,
    literal_address,
    parse_url,
    proxy_credentials,
    proxy_for,
    same_site,
    why_private,
)
from plait.protocol.errors import ToolRefused


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("https://Example.ORG", "https://example.org/"),
        ("http://example.org:80/a?b=c#d", "http://example.org/a?b=c"),
        ("https://example.org:8443/ä ö".replace(" ", "%20"), "https://example.org:8443/%C3%A4%20%C3%B6"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://example.org./", "https://example.org/"),
        ("http://[2001:DB8::1]:8080/x", "http://[2001:db8::1]:8080/x"),
        ("https://example.org/a%2Fb?q=a+b&c=%20", "https://example.org/a%2Fb?q=a+b&c=%20"),
    ],
)
def test_an_address_is_read_once_into_its_canonical_form(text: str, canonical: str) -> None:
    assert str(parse_url(text)) == canonical
    assert parse_url(canonical) == parse_url(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "example.org", "ftp://example.org/", "file:///etc/passwd", "javascript:alert(1)", "http://", "https:///x",
        "http://a@b/", "http://user:pass@example.org/", "http://example.org\\@127.0.0.1/", "http://127.0.0.1\\.evil/",
        "http://exa mple.org/", "http://example.org/\r\nHost: evil", "http://example.org/\x00", "http://a\t.org",
        "http://example.org:0/", "http://example.org:99999/", "http://example.org:x/", "http://[::1/", "http://[x]/",
        "http://a..b/", "http://-.example.org/", "http://1.2.3.4.5/", "http://256.1.1.1/", "http://0x/", "http://exa%6dple.org/",
        "http://[fe80::1%25eth0]/", "http://" + "a" * 9000, "http://*.example.org/", "//example.org/", "http://./",
    ],
)  # fmt: skip
def test_what_two_readers_could_take_differently_is_refused(text: str) -> None:
    with pytest.raises(ToolRefused):
        parse_url(text)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "127.0.0.1.",
        "１２７.0.0.1", "127。0。0。1", "[::1]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]", "[::]", "0.0.0.0", "0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1",
        "169.254.169.254", "[fd00:ec2::254]", "[fe80::1]", "[fec0::1]", "[fc00::1]", "168.63.129.16", "192.0.0.192",
        "224.0.0.1", "[ff02::1]", "255.255.255.255", "240.0.0.1", "198.18.0.1", "100.100.100.200", "[2001:db8::1]",
    ],
)  # fmt: skip
def test_every_spelling_of_a_private_address_is_known_as_one(host: str) -> None:
    address = literal_address(parse_url(f"http://{host}/").host)

    assert address is not None
    assert why_private(address) is not None


@pytest.mark.parametrize(
    "host", ["8.8.8.8", "134744072", "[2606:4700::1111]", "[64:ff9b::808:808]", "[2002:808:808::]"]
)
def test_public_addresses_are_public(host: str) -> None:
    address = literal_address(parse_url(f"http://{host}/").host)

    assert address is not None
    assert why_private(address) is None


def test_names_are_no_addresses() -> None:
    assert literal_address("example.org") is None
    assert literal_address("face.cafe") is None


def test_an_embedded_address_is_judged() -> None:
    teredo = ipaddress.ip_address("2001:0:4136:e378:8000:63bf:80ff:fffe")
    assert isinstance(teredo, ipaddress.IPv6Address)
    assert teredo.teredo is not None
    assert str(teredo.teredo[1]) == "127.0.0.1"
    assert why_private(teredo) is not None


def test_the_user_lists_hosts_with_or_without_a_port() -> None:
    url = parse_url("http://127.0.0.1:8000/")

    assert is_allowed(url, ["127.0.0.1:8000"])
    assert is_allowed(url, ["127.0.0.1"])
    assert not is_allowed(url, ["127.0.0.1:8001", "localhost:8000"])
    assert is_allowed(parse_url("http://[::1]:80/"), ["[::1]:80"])


@pytest.mark.parametrize(
    ("here", "there", "same"),
    [
        ("http://a.org/x", "http://a.org/y", True),
        ("http://a.org/", "https://a.org/", True),
        ("https://a.org/", "https://www.a.org/", True),
        ("https://a.org/", "http://a.org/", False),
        ("https://a.org/", "https://b.org/", False),
        ("https://a.org/", "https://a.org.evil.org/", False),
        ("https://a.org/", "https://a.org:8443/", False),
        ("http://a.org:8080/", "https://a.org/", False),
    ],
)
def test_a_redirect_stays_within_its_site(here: str, there: str, same: bool) -> None:
    assert same_site(parse_url(here), parse_url(there)) is same


@pytest.mark.parametrize(
    ("url", "no_proxy", "proxied"),
    [
        ("http://a.org/", "", True),
        ("http://a.org/", "*", False),
        ("http://a.org/", "b.org, a.org", False),
        ("http://x.a.org/", "a.org", False),
        ("http://x.a.org/", ".a.org", False),
        ("http://xa.org/", "a.org", True),
        ("http://a.org:81/", "a.org:80", True),
        ("http://a.org/", "a.org:80", False),
        ("http://10.1.2.3/", "10.0.0.0/8", False),
        ("http://[2001:db8::1]/", "2001:db8::1", False),
        ("http://a.org/", "10.0.0.0/99", True),
    ],
)
def test_no_proxy_is_honoured(url: str, no_proxy: str, proxied: bool) -> None:
    environ = {"HTTP_PROXY": "proxy.org:3128", "no_proxy": no_proxy}

    assert (proxy_for(parse_url(url), environ) == "http://proxy.org:3128") is proxied


def test_each_scheme_has_its_proxy() -> None:
    environ = {"HTTPS_PROXY": "http://s:1", "http_proxy": "http://p:1", "HTTP_PROXY": "http://q:1"}

    assert proxy_for(parse_url("https://a.org"), environ) == "http://s:1"
    assert proxy_for(parse_url("http://a.org"), environ) == "http://p:1"
    assert proxy_for(parse_url("http://a.org"), {"ALL_PROXY": "http://all:1"}) == "http://all:1"
    assert proxy_for(parse_url("http://a.org"), {}) is None
    assert proxy_credentials("http://u:p%40ss@h:1") == ("u", "p@ss")
    assert proxy_credentials("http://h:1") is None
