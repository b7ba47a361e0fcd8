from ipaddress import ip_address

import pytest

from api.addresses import RefusedAddress, notification_url, return_url
from domain.addresses import is_public_address


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("https://shop.example/return?a=1&b=%20", "https://shop.example/return?a=1&b=%20"),
        ("https://shop.example", "https://shop.example"),
        ("https://shop.example?next=a@b", "https://shop.example?next=a@b"),
        ("HTTPS://Shop.Example./x", "https://shop.example/x"),
        ("https://shop.example:8443//x", "https://shop.example:8443//x"),
        ("https://b\u00fccher.example/x", "https://xn--bcher-kva.example/x"),
        ("https://\u65e5\u672c\u8a9e.jp/", "https://xn--wgv71a119e.jp/"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://[2606:4700::1111]/x", "https://[2606:4700::1111]/x"),
    ],
)
def test_addresses_taken(text: str, normal: str) -> None:
    assert return_url(text) == notification_url(text) == normal


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "http://shop.example/",
        "ftp://shop.example/",
        "javascript:alert(1)",
        "javascript://shop.example/%0aalert(1)",
        "data:text/html,x",
        "//evil.example/",
        "\\\\evil.example",
        "/\\evil.example",
        "%2f%2fevil.example",
        "https:/evil.example",
        "https:evil.example",
        "https:///evil.example",
        "https://user:pw@shop.example/",
        "https://user:1@shop.example/",
        "https://shop.example@evil.example/",
        "https://shop.example\\@evil.example/",
        "https://shop.example/#x",
        "https://shop.example?#",
        "https://shop.example/%2F%2Fevil.example",
        "https://shop.example/%5cevil.example",
        "https://shop.example/%0d%0aSet-Cookie:x",
        "https://shop.example/x\r\nX-Injected: 1",
        "https://shop.example/x\n",
        "https://shop.example/a b",
        "https://shop.example/\u00e9",
        "https://shop.example:0/",
        "https://shop.example:65536/",
        "https://shop.example:x/",
        "https://shop.example:/",
        "https://shop%2eexample/",
        "https://.example/",
        "https://shop..example/",
        "https://-shop.example/",
        "https://sh_op.example/",
        "https://intranet/",
        "https://printer.local/",
        "https://metadata.google.internal/",
        "https://\u0440\u0430ypal.example/",  # Cyrillic with Latin
        "https://xn--ypal-43d9g.com/",  # the same, encoded
        "https://\u0430\u0440\u0440\u04cf\u0435.com/",  # Cyrillic that reads "apple"
        "https://\uff45\uff56\uff49\uff4c.example/",  # full width
        "https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/",
        "https://xn--zzzzzz.example/",
        "https://shop.example/" + "x" * 2048,
    ],
)
def test_addresses_refused_whatever_the_settings(text: str) -> None:
    for check in (return_url, notification_url):
        for allow_loopback in (False, True):
            with pytest.raises(RefusedAddress) as refusal:
                check(text, allow_loopback=allow_loopback)
            assert not text or len(text) < 5 or text not in str(refusal.value)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "api.localhost", "127.0.0.1", "127.9.9.9", "[::1]"]
)
def test_loopback_only_where_allowed_and_then_by_http_and_any_port(host: str) -> None:
    for text in (f"http://{host}:3000/x", f"https://{host}/x"):
        for check in (return_url, notification_url):
            with pytest.raises(RefusedAddress):
                check(text)
            assert check(text, allow_loopback=True) == text.lower()


@pytest.mark.parametrize(
    "host",
    [
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "0.1.2.3",
        "168.63.129.16",
        "224.0.0.1",
        "255.255.255.255",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "127.1",
        "0177.0.0.1",
        "017700000001",
        "[::]",
        "[fe80::1]",
        "[fc00::1]",
        "[::ffff:10.0.0.1]",
        "[::ffff:8.8.8.8]",
        "[64:ff9b::a00:1]",
        "[2002:a00:1::]",
        "[fe80::1%25eth0]",
        "[fd00:ec2::254]",
        "999.1.1.1",
        "1.2.3.4.5",
    ],
)
def test_private_and_disguised_addresses_never(host: str) -> None:
    for check in (return_url, notification_url):
        for allow_loopback in (False, True):
            with pytest.raises(RefusedAddress):
                check(f"https://{host}/", allow_loopback=allow_loopback)


@pytest.mark.parametrize("port", [22, 25, 2375, 3306, 5432, 6379, 7233, 10250])
def test_notifications_go_to_web_ports_only(port: int) -> None:
    text = f"https://shop.example:{port}/"
    assert return_url(text) == text
    with pytest.raises(RefusedAddress) as refusal:
        notification_url(text, allow_loopback=True)
    assert refusal.value.code == "port_not_allowed"


@pytest.mark.parametrize("port", [80, 443, 8000, 8443, 9999])
def test_web_ports(port: int) -> None:
    assert notification_url(f"https://shop.example:{port}/") == f"https://shop.example:{port}/"


@pytest.mark.parametrize("ip", ["8.8.8.8", "41.58.0.1", "2606:4700::1111", "2a00:1450:4001::1"])
def test_public(ip: str) -> None:
    assert is_public_address(ip)
    assert is_public_address(ip_address(ip))


@pytest.mark.parametrize(
    "ip",
    [
        "10.1.2.3",
        "127.0.0.1",
        "169.254.169.254",
        "100.100.100.200",
        "192.0.0.192",
        "198.18.0.1",
        "240.0.0.1",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::1",
        "2001::1",
        "2001:db8::1",
        "3fff::1",
        "100::1",
        "fe80::1%eth0",
        "unknown",
        "",
        "0x7f.1",
        "1.2.3",
    ],
)
def test_not_public(ip: str) -> None:
    assert not is_public_address(ip)
