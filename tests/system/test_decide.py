"""`planlift decide` (contract 9): lines in, lines out."""

from __future__ import annotations

import copy
import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import vectors
from harness.deadline import Deadline
from harness.planlift import BINARY, FINDING
from oracle.compare import differences
from oracle.fuzz_decide import Options, fuzz

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a run gave: exit code, lines out, messages."""

    code: int
    lines: list[Json]
    raw: bytes
    err: str


def decide(data: bytes | Iterable[Json], *arguments: str | Path, cwd: Path | None = None) -> Answer:
    """Run the subcommand on the lines."""
    if not isinstance(data, bytes):
        data = b"".join(encode(line) + b"\n" for line in data)
    done = subprocess.run(
        [BINARY, "decide", *arguments],
        input=data,
        capture_output=True,
        timeout=Deadline(120).left,
        check=False,
        cwd=cwd,
    )
    err = done.stderr.decode()
    assert not FINDING.search(err), err
    assert done.stdout == b"" or done.stdout.endswith(b"\n")
    lines = [json.loads(line) for line in done.stdout.decode("utf-8").split("\n")[:-1]]
    return Answer(done.returncode, lines, done.stdout, err)


def encode(line: Json) -> bytes:
    return json.dumps(line, ensure_ascii=False).encode()


def licence(user_id: str, **fields: Any) -> Json:
    return {"userId": user_id, "userPrincipalName": f"{user_id}@contoso.example", **fields}


def subscription(subscription_id: str, **fields: Any) -> Json:
    return {
        "subscriptionId": subscription_id,
        "offerId": "m365-business-basic",
        "status": "ACTIVE",
        "quantity": 10,
        "partnerId": "partner",
        "channel": "CSP",
        "parentSubscriptionId": None,
        "revision": 1,
        "replacedBy": None,
        "licenses": [],
        **fields,
    }


def state(**fields: Any) -> Json:
    return {
        "customerId": "customer",
        "version": 3,
        "subscriptions": [subscription("s", licenses=[licence("u")])],
        "delegatedAdmin": [{"partnerId": "partner", "serviceFamilies": []}],
        **fields,
    }


def request(**fields: Any) -> Json:
    return {
        "requestId": "r",
        "orderId": None,
        "customerId": "customer",
        "partnerId": "partner",
        "subscriptionId": "s",
        "operation": "UPGRADE",
        "targetOfferId": "m365-business-standard",
        "quantity": None,
        "expectedVersion": None,
        "requireLicenseTransfer": False,
        "requestedBy": {"userId": "operator", "role": "ADMIN_AGENT"},
        "requestedAt": 5,
        **fields,
    }


def ask(**fields: Any) -> Json:
    """A line with a request."""
    return {"customer": state(), "request": request(), "now": 1790000000005, **fields}


EVENTS: dict[str, Json] = {
    "SubscriptionChanged": {
        "subscriptionId": "t",
        "offerId": "o",
        "status": "ACTIVE",
        "quantity": 1,
        "revision": 1,
    },
    "LicenseAssigned": {
        "subscriptionId": "s",
        "userId": "u",
        "userPrincipalName": "n",
        "disabledServices": ["B", "A", "B"],
    },
    "LicenseRemoved": {"subscriptionId": "s", "userId": "u"},
    "DelegatedAdminChanged": {"partnerId": "partner", "granted": True},
    "CustomerErased": {},
}


def tell(kind: str, **fields: Any) -> Json:
    """A line with an event."""
    return {"customer": state(), "event": {"type": kind, **EVENTS[kind], **fields}}


# --- the vectors --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "catalogue"), [*vectors.FILES, (vectors.FILES[0][0], None)], ids=["1", "2", "built-in"]
)
def test_all_vectors_come_out_equal(file: str, catalogue: Path | None) -> None:
    cases = vectors.cases(file)
    assert cases
    arguments = [] if catalogue is None else ["--catalogue", catalogue]
    answer = decide((case["in"] for case in cases), *arguments)
    assert answer.code == 0, answer.err
    assert len(answer.lines) == len(cases)
    for number, (case, line) in enumerate(zip(cases, answer.lines), 1):
        assert not list(differences(case["out"], line)), f"line {number}"


@pytest.mark.parametrize("seed", [7, 8])
def test_random_lines_agree_with_the_second_implementation(seed: int) -> None:
    options = Options(str(BINARY), seed, 1500, [vectors.SHIPPED])
    found = list(fuzz(options))
    assert not found, found[0].describe()


# --- the form of the answers --------------------------------------------------------------------

SUBSCRIPTION_KEYS = (
    "subscriptionId offerId status quantity partnerId channel parentSubscriptionId revision"
    " replacedBy licenses".split()
)
RESULT_KEYS = (
    "requestId orderId customerId partnerId subscriptionId operation outcome upgradeType errors"
    " possibleUpgrades sourceSubscription targetSubscription affectedAccounts"
    " servicesToTransition billing customerVersion catalogueVersion decidedAt part parts".split()
)


def test_keys_come_in_the_order_of_the_records() -> None:
    (line,) = decide([ask()]).lines
    assert list(line) == ["result", "customer"]
    assert list(line["result"]) == RESULT_KEYS
    assert line["result"]["outcome"] == "UPGRADED"
    assert list(line["result"]["billing"]) == ["cancelled", "added", "effectiveAt"]
    assert list(line["customer"]) == ["customerId", "version", "subscriptions", "delegatedAdmin"]
    assert list(line["customer"]["subscriptions"][0]) == SUBSCRIPTION_KEYS
    (line,) = decide([tell("LicenseAssigned")]).lines
    assert list(line) == ["customer"]
    assert list(line["customer"]["subscriptions"][0]["licenses"][0]) == [
        *("userId userPrincipalName displayName assignedByGroup disabledServices".split())
    ]


def test_a_result_is_whole_and_stamped_with_now() -> None:
    users = [licence(f"u{i:04}", assignedByGroup="g") for i in range(1500)]
    line = ask(
        customer=state(subscriptions=[subscription("s", quantity=2000, licenses=users)]),
        request=request(targetOfferId="o365-enterprise-e3"),
    )
    (answer,) = decide([line]).lines
    result = answer["result"]
    assert len(result["affectedAccounts"]) == 1500
    assert (result["part"], result["parts"]) == (1, 1)
    assert result["decidedAt"] == result["billing"]["effectiveAt"] == line["now"]


def test_a_null_customer_is_the_empty_one() -> None:
    (line,) = decide([ask(customer=None)]).lines
    assert [error["code"] for error in line["result"]["errors"]] == ["subscription_not_found"]
    assert line["result"]["customerVersion"] == 0
    assert line["customer"] == {
        "customerId": "customer",
        "version": 0,
        "subscriptions": [],
        "delegatedAdmin": [],
    }


def test_an_erased_customer_is_null() -> None:
    assert decide([tell("CustomerErased")]).lines == [{"customer": None}]


def test_state_leaves_sorted_by_bytes_and_without_repeats() -> None:
    # U+FFFD sorts before U+1F600 by bytes, though not by UTF-16 units.
    names = ["b", "a", "\U0001f600", "\ufffd", "Z", "b", ""]
    ordered = ["", "Z", "a", "b", "\ufffd", "\U0001f600"]
    distinct = [name for name in dict.fromkeys(names) if name]
    licences = [licence(name, disabledServices=names) for name in distinct]
    grants = [{"partnerId": name, "serviceFamilies": names} for name in distinct]
    subscriptions = [subscription(name, licenses=licences) for name in distinct]
    line = {
        "customer": state(subscriptions=subscriptions, delegatedAdmin=grants),
        "event": {"type": "LicenseRemoved", "subscriptionId": "none", "userId": "none"},
    }
    (answer,) = decide([line]).lines
    customer = answer["customer"]
    assert [s["subscriptionId"] for s in customer["subscriptions"]] == ordered[1:]
    assert [grant["partnerId"] for grant in customer["delegatedAdmin"]] == ordered[1:]
    assert all(grant["serviceFamilies"] == ordered for grant in customer["delegatedAdmin"])
    for entry in customer["subscriptions"]:
        assert [held["userId"] for held in entry["licenses"]] == ordered[1:]
        assert all(held["disabledServices"] == ordered for held in entry["licenses"])


def test_text_stays_utf8_and_survives() -> None:
    text = 'Zoë "Ω\\" 李\U0001f600/\u0000\u001f\u007f\n\t\u2028\u2029\x85'
    line = tell("LicenseAssigned", displayName=text)
    answer = decide(json.dumps(line).encode() + b"\n")  # all as \u escapes
    assert answer.lines[0]["customer"]["subscriptions"][0]["licenses"][0]["displayName"] == text
    assert "Zoë".encode() in answer.raw
    assert "李\U0001f600/".encode() in answer.raw
    assert len(answer.raw.decode().splitlines()) == 1  # whatever Unicode takes for a line's end


def test_what_may_be_missing_or_null_has_its_default() -> None:
    bare = {
        "subscriptionId": "s",
        "offerId": "o",
        "status": "ACTIVE",
        "quantity": 0,
        "revision": -5,
        "unknown": [{}],
    }
    for optional in ({}, dict.fromkeys(("licenses", "channel", "replacedBy", "partnerId"))):
        line = tell("CustomerErased")
        line["customer"] = {
            "customerId": "customer",
            "version": 0,
            "subscriptions": [{**bare, **optional}],
        }
        line["event"] = {"type": "DelegatedAdminChanged", "partnerId": "", "granted": False}
        line["event"]["partnerId"] = "partner"
        (answer,) = decide([line]).lines
        assert answer["customer"]["delegatedAdmin"] == []
        assert answer["customer"]["subscriptions"] == [
            subscription("s", offerId="o", quantity=0, partnerId=None, channel="OTHER", revision=-5)
        ]


def test_an_empty_optional_string_is_null() -> None:
    entry = subscription(
        "s",
        partnerId="",
        parentSubscriptionId="",
        replacedBy="",
        licenses=[licence("u", displayName="", assignedByGroup="")],
    )
    line = ask(customer=state(subscriptions=[entry]), request=request(orderId=""))
    (answer,) = decide([line]).lines
    (left,) = answer["customer"]["subscriptions"]
    assert (left["partnerId"], left["parentSubscriptionId"], left["replacedBy"]) == (None,) * 3
    assert left["licenses"][0]["displayName"] is None
    assert left["licenses"][0]["assignedByGroup"] is None
    assert answer["result"]["orderId"] is None


def test_numbers_reach_the_ends_of_their_ranges() -> None:
    entry = subscription("s", quantity=2**31 - 1, revision=-(2**63))
    line = ask(
        customer=state(version=2**63 - 1, subscriptions=[entry]),
        request=request(
            operation="CHECK", quantity=2**31 - 1, expectedVersion=2**63 - 1, requestedAt=-(2**63)
        ),
        now=-(2**63),
    )
    answer = decide([line])
    assert answer.code == 0
    assert answer.lines[0]["result"]["customerVersion"] == 2**63 - 1
    assert answer.lines[0]["result"]["decidedAt"] == -(2**63)
    assert answer.lines[0]["customer"]["subscriptions"][0]["revision"] == -(2**63)


# --- bad lines ----------------------------------------------------------------------------------


def change(line: Json, path: str, value: Any) -> Json:
    """The line with another value at a path such as customer.subscriptions.0.quantity."""
    line = copy.deepcopy(line)
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    owner: Any = line
    for step in way:
        owner = owner[step]
    if value is MISSING:
        del owner[last]
    else:
        owner[last] = value
    return line


MISSING = object()
FULL = ask(
    customer=state(
        subscriptions=[
            subscription("s", licenses=[licence("u", disabledServices=["X"]), licence("v")]),
            subscription("t", partnerId=None),
        ],
        delegatedAdmin=[
            {"partnerId": "partner", "serviceFamilies": ["f"]},
            {"partnerId": "other", "serviceFamilies": []},
        ],
    )
)
SUB = "customer.subscriptions.0"
NOT_INTS = (None, MISSING, "1", 1.0, 1.5, True, [], {})
NOT_TEXTS = (None, MISSING, 1, True, [], {})
NOT_LISTS = ("x", 1, {}, False)
INT_ENDS = (2**31, -(2**31) - 1, 2**63)
LONG_ENDS = (2**63, -(2**63) - 1, 10**30)

BAD_VALUES: list[tuple[Json, str, Iterable[Any]]] = [
    # line
    (FULL, "customer", (MISSING, 1, [], "x", True)),
    (FULL, "request", (MISSING, None, 1, [], "x")),
    (FULL, "event", ({"type": "CustomerErased"},)),
    (FULL, "now", (*NOT_INTS, *LONG_ENDS)),
    # STATE
    (FULL, "customer.customerId", (*NOT_TEXTS, "", "another")),
    (FULL, "customer.version", (*NOT_INTS, *LONG_ENDS, -1)),
    (FULL, "customer.subscriptions", (*NOT_LISTS, [None], [[]])),
    (FULL, "customer.delegatedAdmin", (*NOT_LISTS, [None], ["x"])),
    (FULL, f"{SUB}.subscriptionId", (*NOT_TEXTS, "", "t")),
    (FULL, f"{SUB}.offerId", (*NOT_TEXTS, "")),
    (FULL, f"{SUB}.status", (*NOT_TEXTS, "", "active", "DELETED")),
    (FULL, f"{SUB}.quantity", (*NOT_INTS, *INT_ENDS, -1)),
    (FULL, f"{SUB}.partnerId", (1, [], {})),
    (FULL, f"{SUB}.channel", (1, [], "", "csp", "RETAIL")),
    (FULL, f"{SUB}.parentSubscriptionId", (1, [], {})),
    (FULL, f"{SUB}.revision", (*NOT_INTS, *LONG_ENDS)),
    (FULL, f"{SUB}.replacedBy", (1, [], {})),
    (FULL, f"{SUB}.licenses", (*NOT_LISTS, [None])),
    (FULL, f"{SUB}.licenses.0.userId", (*NOT_TEXTS, "", "v")),
    (FULL, f"{SUB}.licenses.0.userPrincipalName", NOT_TEXTS),
    (FULL, f"{SUB}.licenses.0.displayName", (1, [], {})),
    (FULL, f"{SUB}.licenses.0.assignedByGroup", (1, [], {})),
    (FULL, f"{SUB}.licenses.0.disabledServices", (*NOT_LISTS, [1], ["x", None])),
    (FULL, "customer.delegatedAdmin.0.partnerId", (*NOT_TEXTS, "", "other")),
    (FULL, "customer.delegatedAdmin.0.serviceFamilies", (*NOT_LISTS, [1], [None])),
    # REQUEST
    (FULL, "request.requestId", NOT_TEXTS),
    (FULL, "request.orderId", (1, [], {})),
    (FULL, "request.customerId", (*NOT_TEXTS, "", "another")),
    (ask(customer=None), "request.customerId", ("",)),
    (FULL, "request.partnerId", NOT_TEXTS),
    (FULL, "request.subscriptionId", NOT_TEXTS),
    (FULL, "request.operation", (*NOT_TEXTS, "", "upgrade", "DOWNGRADE")),
    (FULL, "request.targetOfferId", (1, [], {})),
    (FULL, "request.quantity", ("1", 1.0, True, [], *INT_ENDS)),
    (FULL, "request.expectedVersion", ("1", 1.0, True, [], *LONG_ENDS)),
    (FULL, "request.requireLicenseTransfer", (0, "true", [])),
    (FULL, "request.requestedBy", (None, MISSING, "x", [])),
    (FULL, "request.requestedBy.userId", NOT_TEXTS),
    (FULL, "request.requestedBy.role", NOT_TEXTS),
    (FULL, "request.requestedAt", (*NOT_INTS, *LONG_ENDS)),
    # events
    (tell("CustomerErased"), "customer", (None, MISSING)),
    (tell("CustomerErased"), "event", (None, MISSING, [], "CustomerErased")),
    (tell("CustomerErased"), "event.type", (*NOT_TEXTS, "", "customerErased", "PlanChanged")),
    (tell("SubscriptionChanged"), "event.subscriptionId", (*NOT_TEXTS, "")),
    (tell("SubscriptionChanged"), "event.offerId", (*NOT_TEXTS, "")),
    (tell("SubscriptionChanged"), "event.status", (*NOT_TEXTS, "DELETED")),
    (tell("SubscriptionChanged"), "event.quantity", (*NOT_INTS, *INT_ENDS, -1)),
    (tell("SubscriptionChanged"), "event.partnerId", (1, [])),
    (tell("SubscriptionChanged"), "event.channel", ("", "RETAIL", 1)),
    (tell("SubscriptionChanged"), "event.parentSubscriptionId", (1, [])),
    (tell("SubscriptionChanged"), "event.revision", (*NOT_INTS, *LONG_ENDS)),
    (tell("LicenseAssigned"), "event.subscriptionId", (*NOT_TEXTS, "")),
    (tell("LicenseAssigned"), "event.userId", (*NOT_TEXTS, "")),
    (tell("LicenseAssigned"), "event.userPrincipalName", NOT_TEXTS),
    (tell("LicenseAssigned"), "event.displayName", (1, [])),
    (tell("LicenseAssigned"), "event.assignedByGroup", (1, [])),
    (tell("LicenseAssigned"), "event.disabledServices", (*NOT_LISTS, [1])),
    (tell("LicenseRemoved"), "event.subscriptionId", (*NOT_TEXTS, "")),
    (tell("LicenseRemoved"), "event.userId", (*NOT_TEXTS, "")),
    (tell("DelegatedAdminChanged"), "event.partnerId", (*NOT_TEXTS, "")),
    (tell("DelegatedAdminChanged"), "event.granted", (None, MISSING, 0, "true")),
    (tell("DelegatedAdminChanged"), "event.serviceFamilies", (*NOT_LISTS, [1])),
]


def nearest_place(path: str) -> str:
    """The last step of a path, as an error text names it."""
    return [step for step in path.split(".") if not step.isdigit()][-1]


@pytest.mark.parametrize(("line", "path", "values"), BAD_VALUES, ids=lambda v: str(v)[:40])
def test_a_bad_value_is_told_in_its_place(line: Json, path: str, values: Iterable[Any]) -> None:
    lines = [
        change(line, path, value) if value is not MISSING or has(line, path) else None
        for value in values
    ]
    bad = [bad for bad in lines if bad is not None]
    answer = decide([line, *bad, line])
    assert answer.code == 1
    assert len(answer.lines) == len(bad) + 2
    assert "error" not in answer.lines[0]
    assert answer.lines[-1] == answer.lines[0]
    for sent, got in zip(bad, answer.lines[1:-1]):
        assert list(got) == ["error"], sent
        whole_line = path in ("request", "event")  # "exactly one of request and event"
        assert whole_line or nearest_place(path) in got["error"] or "integer" in got["error"]


def has(line: Json, path: str) -> bool:
    """Whether there is a value at the path."""
    owner: Any = line
    for step in path.split("."):
        if not isinstance(owner, list) and step not in owner:
            return False
        owner = owner[int(step) if step.isdigit() else step]
    return True


@pytest.mark.parametrize(
    "line",
    [
        b"x",
        b"{",
        b"{}",
        b"[]",
        b"null",
        b'"text"',
        b"1",
        b"{} {}",
        encode(FULL)[:-1],
        encode(FULL) + b"}",
        encode(FULL).replace(b'"version": 3', b'"version": 03'),
        encode(FULL).replace(b'"version": 3', b'"version": NaN'),
        encode(FULL).replace(b'"version": 3', b"'version': 3"),
        encode(FULL).replace(b'"r"', b'"\xff"'),
        encode(FULL).replace(b'"r"', b'"\xc3"'),
        encode(FULL).replace(b'"r"', b'"\xed\xa0\x80"'),
        encode(FULL).replace(b'"r"', b'"\\ud800"'),
        encode(FULL).replace(b'"r"', b'"\x00"'),
        encode(FULL).replace(b'"r"', b'"\t"'),
        b"\x00",
        b"[" * 100_000,
    ],
    ids=lambda line: repr(line[:12]),
)
def test_what_is_not_a_json_object_is_a_bad_line(line: bytes) -> None:
    good = encode(FULL)
    assert line != good
    answer = decide(b"\n".join((good, line, good)) + b"\n")
    assert answer.code == 1
    assert [list(got) for got in answer.lines] == [
        ["result", "customer"],
        ["error"],
        ["result", "customer"],
    ]


def test_request_and_event_may_be_null_where_the_other_is_there() -> None:
    lines = [ask(event=None), {**tell("CustomerErased"), "request": None}]
    assert decide(lines).code == 0


def test_the_now_of_an_event_is_an_unknown_key() -> None:
    assert decide([{**tell("CustomerErased"), "now": "then", "more": []}]).code == 0


# --- the stream ---------------------------------------------------------------------------------


def test_answers_come_in_order_and_each_line_stands_for_itself() -> None:
    lines = [ask(request=request(requestId=f"r{i % 100}"), now=i) for i in range(3000)]
    answer = decide(lines)
    assert answer.code == 0
    assert [line["result"]["decidedAt"] for line in answer.lines] == list(range(3000))
    assert {line["result"]["outcome"] for line in answer.lines} == {"UPGRADED"}


def test_empty_lines_are_skipped_and_the_last_newline_may_lack() -> None:
    good = encode(FULL)
    data = b"\n\n" + good + b"\n\n\r\n" + good + b"\r\n\n" + good
    answer = decide(data)
    assert answer.code == 0
    assert len(answer.lines) == 3


@pytest.mark.parametrize("data", [b"", b"\n", b"\n\n\n"])
def test_nothing_in_gives_nothing_out(data: bytes) -> None:
    assert decide(data) == Answer(0, [], b"", "")


def test_lines_may_be_long() -> None:
    users = [licence(f"u{i}", displayName="x" * 1000) for i in range(20_000)]
    line = tell("LicenseRemoved", userId="u0")
    line["customer"] = state(subscriptions=[subscription("s", licenses=users)])
    answer = decide([tell("CustomerErased"), line, tell("CustomerErased")])
    assert answer.code == 0
    assert len(answer.lines[1]["customer"]["subscriptions"][0]["licenses"]) == 19_999
    assert answer.lines[2] == {"customer": None}


def test_each_answer_comes_while_the_input_stays_open() -> None:
    with subprocess.Popen(
        [BINARY, "decide"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        for number in range(3):
            process.stdin.write(encode(ask(now=number)) + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["result"]["decidedAt"] == number
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait(Deadline(20).left) == 0


def test_a_closed_output_is_a_failure_with_a_word() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [BINARY, "decide"],
            input=encode(ask()) + b"\n",
            stdout=writer,
            stderr=subprocess.PIPE,
            timeout=Deadline(20).left,
            check=False,
        )
    finally:
        os.close(writer)
    assert done.returncode == 1
    assert b"cannot write the output: Broken pipe" in done.stderr


def test_a_folder_as_input_is_a_failure_with_a_word(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        done = subprocess.run(
            [BINARY, "decide"], stdin=folder, capture_output=True, timeout=Deadline(20).left
        )
    finally:
        os.close(folder)
    assert done.returncode == 1
    assert b"cannot read the input" in done.stderr


# --- the command line ---------------------------------------------------------------------------


def test_the_built_in_catalogue_serves_from_any_folder(tmp_path: Path) -> None:
    (line,) = decide([ask()], cwd=tmp_path).lines
    shipped = json.loads(vectors.SHIPPED.read_text("utf-8"))
    assert line["result"]["catalogueVersion"] == shipped["version"]


def test_another_catalogue_decides_otherwise(tmp_path: Path) -> None:
    data = json.loads(vectors.SHIPPED.read_text("utf-8"))
    data["version"] = "mine-1"
    data["upgrades"] = {}
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(data), "utf-8")
    for arguments in (["--catalogue", path], [f"--catalogue={path}"], ["-c", path]):
        (line,) = decide([ask()], *arguments).lines
        assert line["result"]["catalogueVersion"] == "mine-1"
        assert [error["code"] for error in line["result"]["errors"]] == [
            "subscription_does_not_have_any_upgrade_paths"
        ]


def test_a_refused_catalogue_answers_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"version": ""}', "utf-8")
    for path, reason in ((broken, "families"), (tmp_path / "none.json", "No such file")):
        answer = decide([ask()], "--catalogue", path)
        assert (answer.code, answer.raw) == (2, b"")
        assert str(path) in answer.err
        assert reason in answer.err


@pytest.mark.parametrize("arguments", [["--unknown"], ["-x"], ["file"], ["--catalogue"]])
def test_wrong_use_is_told(arguments: list[str]) -> None:
    answer = decide([ask()], *arguments)
    assert (answer.code, answer.raw) == (2, b"")
    assert "decide --help" in answer.err
    assert all(argument in answer.err for argument in arguments)


def test_help_explains() -> None:
    done = subprocess.run([BINARY, "decide", "--help"], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    for word in (b"--catalogue", b'"request"', b'"event"', b'"error"', b"Exit codes"):
        assert word in done.stdout
