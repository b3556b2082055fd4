"""Judges of programs that talk to other machines: what they fetch, and what they send out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from plait.effects.command import Command, Judge
from plait.effects.finding import Arg, Finding, Flow, known
from plait.effects.grammar import parse
from plait.effects.programs import judge_by_table
from plait.effects.removing import remove
from plait.effects.syntax import Unclear
from plait.effects.system import judge_if_dangerous
from plait.host.protected import credential

LOCAL_HOSTS = frozenset(("localhost", "127.0.0.1", "0.0.0.0", "::1", "[::1]", "host.docker.internal"))
CURL_UPLOADS = ("-T", "--upload-file", "-F", "--form", "--form-string")
CURL_BODIES = ("-d", "--data", "--data-binary", "--data-raw", "--data-ascii", "--data-urlencode", "--json")
CURL_VALUES = frozenset(
    (*CURL_UPLOADS, *CURL_BODIES, "-o", "--output", "-H", "--header", "-X", "--request", "-u", "--user", "-A", "-e",
     "-b", "-c", "-x", "-m", "--max-time", "--connect-timeout", "--retry", "-w", "--write-out", "-K", "--config", "-E",
     "--cert", "--key", "--cacert", "--cookie", "--cookie-jar", "--user-agent", "--proxy", "--resolve", "--output-dir",
     "-r", "--range", "--limit-rate", "-Y", "-y", "-z", "--netrc-file", "--trace", "--trace-ascii", "-D",
     "--dump-header", "--stderr", "--url")
)  # fmt: skip
# Where the name of a file stands in the value of an option; in others it follows an `@` at the start.
BODY_FILE = {"-F": r"[^=]*=[@<](.*)", "--form": r"[^=]*=[@<](.*)", "--data-urlencode": r"[^=@]*@(.*)"}


def host_of(url: str) -> str:
    """The host of a URL as curl takes them (a scheme is not needed), or `*` if it cannot be told."""
    try:
        return urlsplit(url if "://" in url else f"http://{url}").hostname or "*"
    except ValueError:
        return "*"


def _fetches(command: Command, urls: list[Arg]) -> bool:
    """Note the hosts; True if one of them is another machine."""
    hosts = [host_of(url.literal) if url.literal is not None else host_of(url.prefix + "x") for url in urls] or ["*"]
    for url, host in zip(urls, hosts, strict=False):
        command.finding.contact(host if url.literal is not None or url.prefix.count("/") >= 3 else "*", command.name)
    if not urls:
        command.finding.contact("*", command.name)
    command.finding.gives |= Flow(fetched=True)
    return any(host not in LOCAL_HOSTS for host in hosts)


def _sends_words(command: Command, args: list[Arg], *, remote: bool) -> None:
    """Words that carry file contents or secrets, sent to another machine, are sent out."""
    for arg in args:
        if arg.carries.secret or (remote and arg.carries.contents):
            command.finding.dangerous(f"sends data out through `{command.name}` (`{arg.raw}`)")


def _sends_file(command: Command, arg: Arg, *, remote: bool) -> None:
    finding = command.finding
    before = len(finding.credentials)
    finding.read(arg)
    if remote or len(finding.credentials) > before:
        finding.dangerous(f"sends `{arg.raw}` out through `{command.name}`")


def _sends_input(command: Command, *, remote: bool) -> None:
    flow = command.place.input
    if flow.secret or (remote and flow.contents):
        command.finding.dangerous(f"sends data out through `{command.name}`")


def judge_curl(command: Command) -> None:
    """curl: a plain GET contacts; bodies from files, uploads and secrets in words are sent out."""
    finding = command.finding
    given: list[tuple[str, Arg]] = []
    urls: list[Arg] = []
    args = list(command.args)
    while args:
        arg = args.pop(0)
        text = arg.literal if arg.literal is not None else arg.prefix
        if not text.startswith("-") or text == "-":
            urls.append(arg)
            continue
        name, equals, attached = text.partition("=")
        if text.startswith("--"):
            if equals:
                given.append(
                    (name, replace(arg, values=(attached,) if arg.literal is not None else None, prefix=attached))
                )
            elif name in CURL_VALUES and args:
                given.append((name, args.pop(0)))
            else:
                given.append((name, known("")))
            continue
        for index, char in enumerate(text[1:], start=1):
            short, rest = f"-{char}", text[index + 1 :]
            if short not in CURL_VALUES:
                given.append((short, known("")))
            elif rest:
                given.append((short, replace(arg, values=(rest,) if arg.literal is not None else None, prefix=rest)))
                break
            else:
                given.append((short, args.pop(0) if args else known("")))
                break
    urls.extend(value for name, value in given if name == "--url")
    remote = _fetches(command, urls)
    _sends_words(command, [*urls, *(value for _, value in given)], remote=remote)
    for name, value in given:
        if name in (
            "-o",
            "--output",
            "-D",
            "--dump-header",
            "--trace",
            "--trace-ascii",
            "-c",
            "--cookie-jar",
            "--stderr",
        ):
            finding.write(value, f"curl {name}")
        elif name in ("-O", "--remote-name", "-J", "--remote-header-name"):
            for url in urls:
                base = re.split(r"[?#]", (url.literal or "").rstrip("/"))[0].rpartition("/")[2]
                finding.write(known(base) if base else url, f"curl {name}")
        elif name in ("-T", "--upload-file"):
            if value.literal in ("-", "."):
                _sends_input(command, remote=remote)
            else:
                _sends_file(command, value, remote=remote)
        elif name in CURL_BODIES or name in ("-F", "--form", "-H", "--header"):
            _sends_body(command, name, value, remote=remote)
        elif name in ("-b", "--cookie") and value.literal is not None and "=" not in value.literal:
            _sends_file(command, value, remote=remote)
        elif name in ("-K", "--config", "-E", "--cert", "--key", "--netrc-file"):
            finding.read(value)


def _sends_body(command: Command, name: str, value: Arg, *, remote: bool) -> None:
    text = value.literal if value.literal is not None else value.prefix
    if name == "--data-raw":
        return
    found = re.match(BODY_FILE.get(name, r"@(.*)"), text, re.DOTALL)
    if found is None:
        return
    path = found[1].partition(";")[0]
    if path in ("-", "/dev/stdin"):
        _sends_input(command, remote=remote)
    else:
        _sends_file(command, known(path) if value.literal is not None else Arg(value.raw, prefix=path), remote=remote)


def judge_wget(command: Command) -> None:
    finding, words = command.finding, command.words
    urls = [
        arg
        for index, arg in enumerate(command.args)
        if not (arg.literal or arg.prefix).startswith("-")
        and (
            index == 0
            or words[index - 1] not in ("-O", "-o", "-P", "-a", "-i", "-t", "-T", "-U", "--header", "-e", "-A", "-R")
        )
        and not re.match(r"-[a-zA-Z]*[OoPaitTUe]$", words[index - 1] if index else "")
    ]
    remote = _fetches(command, urls)
    _sends_words(command, list(command.args), remote=remote)
    output: Arg | None = None
    for index, word in enumerate(words):
        following = command.args[index + 1] if index + 1 < len(words) else None
        if found := re.match(r"--(?:post|body)-file=(.*)", word, re.DOTALL):
            _sends_file(command, known(found[1]), remote=remote)
        elif word in ("--post-file", "--body-file") and following is not None:
            _sends_file(command, following, remote=remote)
        elif found := re.match(r"--output-document=(.*)", word, re.DOTALL):
            output = known(found[1])
        elif found := re.match(r"-[a-zA-Z]*O(.*)$", word, re.DOTALL):
            output = known(found[1]) if found[1] else following
        elif word == "-P" and following is not None:
            finding.write(following, "wget -P", tree=True)
            output = known("-")
    if output is not None and output.literal != "-":
        finding.write(output, "wget -O")
    elif output is None:
        for url in urls:
            base = re.split(r"[?#]", (url.literal or "").rstrip("/"))[0].rpartition("/")[2]
            finding.write(known(base or "index.html"), "wget")


def judge_netcat(command: Command) -> None:
    """nc, socat, telnet: whatever comes in is sent; a shell at the other end is the worst of it."""
    words = command.words
    hosts = [word for word in words if not word.startswith("-") and not word.isdigit()]
    remote = not hosts or any(not any(local in host for local in LOCAL_HOSTS) for host in hosts)
    command.finding.contact(hosts[0] if hosts else "*", command.name)
    command.finding.gives |= Flow(fetched=True)
    if any(re.match(r"-[a-z]*[ec]$|--exec|--sh-exec", word) for word in words) or re.search(
        r"\b(EXEC|SYSTEM):", " ".join(words), re.IGNORECASE
    ):
        command.finding.dangerous(f"opens a shell to the network through `{command.name}`")
    _sends_words(command, list(command.args), remote=remote)
    _sends_input(command, remote=remote)


def judge_lookup(command: Command) -> None:
    """ping, dig, host …: the name that is looked up is seen by others, whatever it holds."""
    hosts = [word for word in command.words if not word.startswith(("-", "+", "@"))]
    command.finding.contact(hosts[-1] if hosts and command.all_known else "*", command.name)
    _sends_words(command, list(command.args), remote=True)


def _is_remote(text: str) -> bool:
    return re.match(r"(?:[\w.-]+@)?[\w.-]+::?|[a-z]+://", text) is not None


def judge_copy_out(command: Command) -> None:
    """scp, rsync, rclone: from another machine it fetches, to another machine it sends out."""
    finding, words = command.finding, command.words
    operands = [arg for arg in command.args if not (arg.literal or arg.prefix).startswith("-")]
    if command.name == "rclone":
        operands = operands[1:]
    remote = [_is_remote(arg.literal or arg.prefix) for arg in operands]
    if command.name == "rsync" and any(re.match(r"-[a-zA-Z]*e$|--rsh|--rsync-path", word) for word in words):
        finding.ask("runs a program that an option of `rsync` names")
    if command.name == "rsync" and (len(operands) == 1 or "--list-only" in words) and any(remote):
        finding.contact(_remote_host(operands[0]), command.name)
        return
    if operands and remote[-1]:
        finding.contact(_remote_host(operands[-1]), command.name)
        if command.name == "rsync" and any(re.fullmatch(r"-[avzrhP]*n[avzrhP]*|--dry-run", word) for word in words):
            finding.ask("compares files with those of another machine through `rsync`")
            return
        finding.dangerous(f"sends files to another machine through `{command.name}`")
        return
    if any(remote):
        for arg, far in zip(operands, remote, strict=True):
            if far:
                finding.contact(_remote_host(arg), command.name)
    else:
        for source in operands[:-1]:
            finding.read(source, tree=True)
    if operands:
        finding.write(operands[-1], command.name, tree=True)
        if any(word.startswith("--delete") for word in words):
            remove(command, operands[-1], f"{command.name} --delete", tree=True)
    else:
        finding.ask(f"`{command.name}` without operands is not known")


def _remote_host(arg: Arg) -> str:
    return re.sub(r"^[a-z]+://", "", (arg.literal or arg.prefix)).partition(":")[0].rpartition("@")[2] or "*"


def judge_ssh(command: Command) -> None:
    hosts = [
        word
        for before, word in zip(["", *command.words], command.words, strict=False)
        if not word.startswith("-") and not re.fullmatch(r"-[bcDEeFIiJLlmOopQRSWw]", before)
    ]
    command.finding.contact((hosts[0] if hosts else "*").rpartition("@")[2], command.name)
    command.finding.gives |= Flow(fetched=True)
    _sends_words(command, list(command.args), remote=True)
    _sends_input(command, remote=True)
    if len(hosts) > 1 and command.all_known and command.name == "ssh":
        # It runs on the other machine; what would be dangerous here is no better there.
        at = command.words.index(hosts[0])
        _look_at_remote(command, " ".join(command.words[at + 1 :]))
    if any("ProxyCommand" in word or "LocalCommand" in word for word in command.words):
        command.finding.ask("runs a program that an option of `ssh` names")


def _look_at_remote(command: Command, text: str) -> None:
    try:
        parse(text)
    except Unclear:
        return
    command.run_text(text, command.place.with_input(Flow()))


def judge_fetcher(command: Command) -> None:
    """http, aria2c, lynx …: they fetch; what they are given with an `@`, or by their input, they send."""
    urls = [arg for arg in command.args if re.search(r"://|^[\w-]+(\.[\w-]+)+|^:\d", arg.literal or arg.prefix)]
    remote = _fetches(command, urls)
    _sends_words(command, list(command.args), remote=remote)
    _sends_input(command, remote=remote)
    for arg in command.args:
        found = re.match(r"[\w:=-]*@(.+)", arg.literal or "", re.DOTALL)
        if command.name in ("http", "https", "xh") and found is not None:
            _sends_file(command, known(found[1]), remote=True)
    if command.name == "aria2c":
        for url in urls:
            command.finding.write(known((url.literal or "x").rstrip("/").rpartition("/")[2] or "x"), "aria2c")
    command.finding.ask(f"`{command.name}` is not known to be harmless")


def judge_transfer(command: Command) -> None:
    """sftp, ftp: their commands come by the input."""
    judge_ssh(command)
    if re.search(r"\bm?put\b|\bmirror\s+-R", (command.place.input_text or "") + " ".join(command.words)):
        command.finding.dangerous(f"sends files to another machine through `{command.name}`")


def judge_openssl(command: Command) -> None:
    if command.words[:1] in (["enc"], ["base64"]) and "-d" in command.words:
        command.finding.gives |= Flow(decoded=True)
    if command.words[:1] == ["s_client"]:
        judge_netcat(command)
    else:
        judge_by_table(command)


def judge_mail(command: Command) -> None:
    command.finding.contact("*", command.name)
    _sends_words(command, list(command.args), remote=True)
    _sends_input(command, remote=True)
    if {"-a", "-A", "--attach"} & set(command.words):
        command.finding.dangerous(f"sends files out through `{command.name}`")


def judge_cloud(command: Command) -> None:
    """aws, gcloud, gh …: they use credentials; secrets and gists that leave are named."""
    finding, words = command.finding, command.words
    judge_if_dangerous(command)
    if command.name == "gh" and words[:2] in (
        ["gist", "create"],
        ["secret", "set"],
        ["repo", "delete"],
        ["release", "delete"],
    ):
        finding.dangerous(f"publishes or destroys through `gh {words[0]} {words[1]}`")
    if command.name == "gh" and words[:2] in (["auth", "token"], ["auth", "status"]):
        finding.secret("the token of `gh`")
    stores = [arg for arg in command.args if re.match(r"(s3|gs)://", arg.literal or arg.prefix)]
    copies = bool({"cp", "sync", "mv", "rsync"} & set(words))
    operands = [arg for arg in command.args if not (arg.literal or arg.prefix).startswith("-")]
    if command.name in ("aws", "az", "gcloud") and any(
        re.match(r"(delete|terminate|destroy|deregister)-", w) for w in words
    ):
        finding.dangerous(f"destroys what lies on other machines (`{command.name}`)")
    if command.name == "gh" and words[:2] == ["repo", "edit"] and "public" in " ".join(words):
        finding.dangerous("publishes a repository through `gh repo edit`")
    if (copies and stores and stores[-1] is operands[-1]) or {"upload", "upload-batch"} & set(words):
        finding.dangerous(f"sends files to another machine through `{command.name}`")
    for arg in command.args:
        if (
            arg.literal is not None
            and not arg.literal.startswith("-")
            and "://" not in arg.literal
            and _secret_file(finding, arg)
        ):
            finding.dangerous(f"sends `{arg.raw}` out through `{command.name}`")
    _sends_words(command, list(command.args), remote=True)
    finding.contact("*", command.name)


def _secret_file(finding: Finding, arg: Arg) -> bool:
    return any(credential(path) for path in finding.place.resolve(arg.literal or ""))


JUDGES: Mapping[str, Judge] = {
    "curl": judge_curl,
    "wget": judge_wget,
    "wget2": judge_wget,
    **dict.fromkeys(("http", "https", "xh", "aria2c", "lynx", "w3m", "links", "fetch"), judge_fetcher),
    **dict.fromkeys(("ftp", "lftp", "sftp"), judge_transfer),
    "openssl": judge_openssl,
    **dict.fromkeys(("nc", "ncat", "netcat", "socat", "telnet"), judge_netcat),
    **dict.fromkeys(("ping", "ping6", "dig", "nslookup", "host", "traceroute", "whois", "drill", "mtr"), judge_lookup),
    **dict.fromkeys(("scp", "rsync", "rclone"), judge_copy_out),
    "ssh": judge_ssh,
    **dict.fromkeys(("mail", "mailx", "sendmail", "mutt", "swaks"), judge_mail),
    **dict.fromkeys(("aws", "gcloud", "az", "gsutil", "gh", "glab", "s3cmd", "doctl", "heroku"), judge_cloud),
}
