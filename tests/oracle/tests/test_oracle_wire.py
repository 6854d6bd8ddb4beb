"""Framing, strict Avro, schema resolution, partitioners and headers (contract 2, 3, 7)."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from oracle.breakage import OLDER_REQUEST, evolved_schemas
from oracle.strict_avro import (
    Incompatible,
    Malformed,
    compile_reader,
    compile_resolver,
    decode,
    parse,
)
from oracle.wire import (
    EVENT,
    REQUEST,
    RESULT,
    Headers,
    Registry,
    WireError,
    dead_letter_headers,
    decode_input,
    decode_result,
    encode,
    frame,
    murmur2,
    partition_of,
    result_headers,
    unframe,
)

# Contract 3 in short: fields as "name type", T? for [null, T], T[] for arrays; a star: a default.
ERROR = "code string, message string, subscriptionId string?, services string[]"
LINE = "subscriptionId string, offerId string, offerName string, quantity int"
RECORDS = {
    EVENT: "eventId string, customerId string, occurredAt time, change <SubscriptionChanged"
    "|LicenseAssigned|LicenseRemoved|DelegatedAdminChanged|CustomerErased>",
    "SubscriptionChanged": "subscriptionId string, offerId string, status SubscriptionStatus,"
    " quantity int, partnerId string?, channel Channel*, parentSubscriptionId string?,"
    " revision long",
    "LicenseAssigned": "subscriptionId string, userId string, userPrincipalName string,"
    " displayName string?, assignedByGroup string?, disabledServices string[]",
    "LicenseRemoved": "subscriptionId string, userId string",
    "DelegatedAdminChanged": "partnerId string, granted boolean, serviceFamilies string[]",
    "CustomerErased": "",
    REQUEST: "requestId string, orderId string?, customerId string, partnerId string,"
    " subscriptionId string, operation Operation, targetOfferId string?, quantity int?,"
    " expectedVersion long?, requireLicenseTransfer boolean*, requestedBy Requester,"
    " requestedAt time",
    "Requester": "userId string, role string",
    RESULT: "requestId string, orderId string?, customerId string, partnerId string,"
    " subscriptionId string, operation Operation, outcome Outcome, upgradeType UpgradeType,"
    " errors UpgradeError[], possibleUpgrades PossibleUpgrade[], sourceSubscription Subscription?,"
    " targetSubscription Subscription?, affectedAccounts AffectedAccount[], servicesToTransition"
    " ServiceTransition[], billing Billing?, customerVersion long, catalogueVersion string,"
    " decidedAt time, part int, parts int",
    "UpgradeError": ERROR,
    "PossibleUpgrade": "targetOfferId string, eligible boolean, upgradeType UpgradeType, quantity"
    " int, errors UpgradeError[], affectedAccounts int, additionalServices string[]",
    "Subscription": "subscriptionId string, offerId string, offerName string, status"
    " SubscriptionStatus, quantity int",
    "AffectedAccount": "userId string, userPrincipalName string, displayName string?, transitions"
    " AccountTransition[], licenseError UpgradeError?",
    "AccountTransition": "service string, replacement string?, transition Transition",
    "ServiceTransition": "service string, serviceName string, replacement string?, replacementName"
    " string?, transition Transition, accounts int",
    "Billing": "cancelled BillingLine?, added BillingLine, effectiveAt time",
    "BillingLine": LINE,
}
ENUMS = {
    "SubscriptionStatus": "PENDING ACTIVE SUSPENDED CANCELLED",
    "Channel": "CSP DIRECT VOLUME OTHER",
    "Operation": "CHECK UPGRADE ADD_LICENSES",
    "Outcome": "ELIGIBLE NOT_ELIGIBLE UPGRADED LICENSES_ADDED REFUSED",
    "UpgradeType": "NONE UPGRADE_ONLY UPGRADE_WITH_LICENSE_TRANSFER",
    "Transition": "REPLACED REMOVED",
}


# --- the project's schemas are those of the contract ------------------------------------------


class Describer:
    """Writes a schema file in the short form above."""

    def __init__(self) -> None:
        self.records: dict[str, str] = {}
        self.enums: dict[str, str] = {}
        self.defaults: dict[str, Any] = {}

    def kind(self, schema: Any) -> str:
        if isinstance(schema, str):
            return str(schema).removeprefix("planlift.")
        if isinstance(schema, list):
            if schema[0] == "null" and len(schema) == 2:
                return f"{self.kind(schema[1])}?"
            return f"<{'|'.join(self.kind(branch) for branch in schema)}>"
        if schema["type"] == "array":
            return f"{self.kind(schema['items'])}[]"
        if schema.get("logicalType") == "timestamp-millis":
            return "time" if schema["type"] == "long" else "wrong"
        if schema["type"] == "enum":
            self.enums[schema["name"]] = " ".join(schema["symbols"])
            self.defaults[schema["name"]] = schema.get("default")
        else:
            assert schema["type"] == "record"
            self.records[schema["name"]] = ""
            fields = [self.field(field) for field in schema["fields"]]
            self.records[schema["name"]] = ", ".join(fields)
        return str(schema["name"])

    def field(self, field: dict[str, Any]) -> str:
        kind = self.kind(field["type"])
        usual: Any = {"?": None, "]": []}.get(kind[-1], ...)
        default = field.get("default", ...)
        if default == usual and type(default) is type(usual):
            return f"{field['name']} {kind}"
        self.defaults[field["name"]] = default
        return f"{field['name']} {kind}*"


@pytest.mark.parametrize("name", [EVENT, REQUEST, RESULT])
def test_schemas_are_those_of_the_contract(registry: Registry, name: str) -> None:
    describer = Describer()
    schema = json.loads(registry.own[name].text)
    assert schema["namespace"] == "planlift"
    assert describer.kind(schema) == name
    for record, fields in describer.records.items():
        assert fields == RECORDS[record], record
    for enum, symbols in describer.enums.items():
        assert symbols == ENUMS[enum]
    named = {"Channel": "OTHER", "channel": "OTHER", "requireLicenseTransfer": False}
    for place, default in describer.defaults.items():
        assert default == named.get(place), place


# --- framing ----------------------------------------------------------------------------------

ERASED = {
    "eventId": "e",
    "customerId": "c",
    "occurredAt": 5,
    "change": {"type": "CustomerErased"},
}
ASKED = {
    "requestId": "r",
    "orderId": None,
    "customerId": "c é\u0000",
    "partnerId": "p",
    "subscriptionId": "s",
    "operation": "UPGRADE",
    "targetOfferId": "o",
    "quantity": -5,
    "expectedVersion": 2**62,
    "requireLicenseTransfer": True,
    "requestedBy": {"userId": "", "role": "x"},
    "requestedAt": -1,
}


def test_round_trips(registry: Registry) -> None:
    changed = {
        "type": "SubscriptionChanged",
        "subscriptionId": "s",
        "offerId": "o",
        "status": "PENDING",
        "quantity": 2**31 - 1,
        "partnerId": None,
        "channel": "VOLUME",
        "parentSubscriptionId": "x",
        "revision": -(2**63),
    }
    for change in (changed, ERASED["change"]):
        value = {**ERASED, "change": change}
        assert decode_input(registry, EVENT, encode(registry, EVENT, value)) == value
    assert decode_input(registry, REQUEST, encode(registry, REQUEST, ASKED)) == ASKED
    assert encode(registry, EVENT, ERASED)[:5] == b"\x00\x00\x00\x00\x01"


def test_defaults_of_an_older_writer(registry: Registry) -> None:
    old = Registry.load(more=evolved_schemas(registry))
    value = decode_input(old, REQUEST, encode(old, REQUEST, ASKED, OLDER_REQUEST))
    assert value["requireLicenseTransfer"] is False
    assert value["targetOfferId"] is None
    assert value["requestId"] == "r"


def code_of(registry: Registry, value: bytes | None) -> str:
    with pytest.raises(WireError) as caught:
        decode_input(registry, EVENT, value)
    return caught.value.code


def test_codes_in_order(registry: Registry) -> None:
    good = encode(registry, EVENT, ERASED)
    body = unframe(good)[1]
    assert code_of(registry, None) == "null_value"
    for broken in (b"", good[:4], b"\x01" + good[1:]):
        assert code_of(registry, broken) == "malformed"
    assert code_of(registry, frame(77, body)) == "unknown_schema"
    assert code_of(registry, frame(2, b"")) == "incompatible_schema"
    for broken in (good[:-1], good + b"\x00", frame(1, b"\x01")):
        assert code_of(registry, broken) == "malformed"


def test_a_result_must_end_where_it_ends(registry: Registry) -> None:
    with pytest.raises(WireError, match="3"):
        decode_result(Registry(dict.fromkeys((EVENT, REQUEST, RESULT), "1"), {}), frame(3, b""))
    with pytest.raises(WireError):
        decode_result(registry, frame(1, b""))
    with pytest.raises(WireError):
        decode_result(registry, frame(3, b"\x02"))


# --- strict Avro ------------------------------------------------------------------------------


def read(schema: Any, body: bytes) -> Any:
    return decode(compile_reader(parse(json.dumps(schema))), body)


LONGS = {"type": "array", "items": "long"}


@pytest.mark.parametrize(
    ("schema", "body", "value"),
    [
        ("long", b"\xff" * 9 + b"\x01", -(2**63)),
        ("long", b"\x80\x00", 0),
        ("int", b"\xff\xff\xff\xff\x0f", -(2**31)),
        ("string", b"\x02\x00", "\u0000"),
        ("string", b"\x08\xf0\x9f\x98\x80", "\U0001f600"),
        ("boolean", b"\x01", True),
        ("bytes", b"\x02\xff", b"\xff"),
        ("double", b"\x00" * 6 + b"\xf0\x3f", 1.0),
        (LONGS, b"\x00", []),
        (LONGS, b"\x04\x02\x04\x02\x06\x00", [1, 2, 3]),
        (LONGS, b"\x03\x04\x02\x04\x00", [1, 2]),
        (["null", "int"], b"\x02\x02", (1, 1)),
        ({"type": "fixed", "name": "F", "size": 2}, b"ab", b"ab"),
    ],
)
def test_legal_bodies(schema: Any, body: bytes, value: Any) -> None:
    assert read(schema, body) == value


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        ("long", b""),
        ("long", b"\x80"),
        ("long", b"\xff" * 9 + b"\x02"),
        ("long", b"\x80" * 10 + b"\x00"),
        ("int", b"\x80\x80\x80\x80\x10"),
        ("int", b"\x81\x80\x80\x80\x10"),
        ("string", b"\x01"),
        ("string", b"\x04a"),
        ("string", b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        ("string", b"\x02\x80"),
        ("string", b"\x04\xc0\x80"),
        ("string", b"\x06\xed\xa0\x80"),
        ("string", b"\x08\xf4\x90\x80\x80"),
        ("boolean", b"\x02"),
        ("boolean", b""),
        ("null", b"\x00"),
        ("float", b"\x00" * 3),
        (LONGS, b"\x02"),
        (LONGS, b"\x02\x02"),
        (LONGS, b"\x01\x01\x02\x00"),
        (LONGS, b"\x01\x7e\x02\x00"),
        (["null", "int"], b"\x04"),
        (["null", "int"], b"\x01"),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, b"\x02"),
        ({"type": "map", "values": "int"}, b"\x02\x02\xff\x02\x00"),
    ],
)
def test_malformed_bodies(schema: Any, body: bytes) -> None:
    with pytest.raises(Malformed):
        read(schema, body)


def resolve(writer: Any, reader: Any, body: bytes) -> Any:
    written = parse(json.dumps(writer))
    resolver = compile_resolver(written, parse(json.dumps(reader)))
    return resolver(decode(compile_reader(written), body))


def enum(*symbols: str, **more: Any) -> dict[str, Any]:
    return {"type": "enum", "name": "E", "symbols": list(symbols), **more}


def record(*fields: dict[str, Any], name: str = "R") -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields)}


def test_resolution() -> None:
    assert resolve("int", "double", b"\x02") == 1
    assert resolve("int", ["null", "long"], b"\x02") == 1
    assert resolve(["int", "null"], "long", b"\x00\x02") == 1
    assert resolve("bytes", "string", b"\x02a") == "a"
    assert resolve(enum("X", "A"), enum("A", "B", default="B"), b"\x00") == "B"
    assert resolve(enum("X", "A"), enum("A", "B"), b"\x02") == "A"
    written = record({"name": "b", "type": "int"}, {"name": "gone", "type": "string"})
    wanted = record({"name": "a", "type": "int", "default": 7}, {"name": "b", "type": "long"})
    assert resolve(written, wanted, b"\x02\x02x") == {"a": 7, "b": 1}
    assert resolve(written, ["null", wanted], b"\x02\x02x") == {"type": "R", "a": 7, "b": 1}


def test_namespaces_do_not_matter() -> None:
    """Named types match by their unqualified names (Avro specification, schema resolution)."""
    written = record({"name": "e", "type": enum("A", "B", namespace="x.y")}, name="x.R")
    wanted = record({"name": "e", "type": enum("A", "B")}, name="planlift.R")
    assert resolve(written, wanted, b"\x02") == {"e": "B"}
    assert resolve(written, ["null", wanted], b"\x02") == {"type": "R", "e": "B"}
    four = {"type": "fixed", "name": "Four", "size": 4}
    assert resolve({**four, "namespace": "x"}, four, b"abcd") == b"abcd"


@pytest.mark.parametrize(
    ("writer", "reader", "body"),
    [
        ("string", "int", b"\x00"),
        ("long", "int", b"\x00"),
        (["null", "int"], "int", b"\x00"),
        (["null", "string"], "int", b"\x00"),
        (enum("X", "A"), enum("A"), b"\x00"),
        (record(name="R"), record(name="S"), b""),
        (record(name="n.R"), record(name="n.S"), b""),
        (record(), record({"name": "a", "type": "int"}), b""),
        ("bytes", "string", b"\x02\xff"),
    ],
)
def test_incompatible(writer: Any, reader: Any, body: bytes) -> None:
    with pytest.raises(Incompatible):
        resolve(writer, reader, body)


def nested(depth: int) -> Any:
    schema: Any = "int"
    for _ in range(depth - 1):
        schema = {"type": "array", "items": schema}
    return schema


def test_schemas_are_bounded() -> None:
    parse(json.dumps(nested(32)))
    loop = record({"name": "next", "type": ["null", "R"]})
    large = {"type": "string", "doc": "x" * 2**20}
    for schema in (nested(33), nested(5000), loop, large, {"type": "nope"}, {}):
        with pytest.raises((Incompatible, RecursionError)):
            parse(json.dumps(schema) if schema != nested(5000) else "[" * 5000)


def test_references_deepen_too() -> None:
    fields = [{"name": "f0", "type": record(name="R0")}]
    for number in range(1, 40):
        inner = {"name": "x", "type": f"R{number - 1}"}
        fields.append({"name": f"f{number}", "type": record(inner, name=f"R{number}")})
    with pytest.raises(Incompatible, match="deeper"):
        parse(json.dumps(record(*fields, name="Top")))


# --- partitioners -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value"),
    [  # from the tests of Kafka's Java client
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_of_the_java_client(key: bytes, value: int) -> None:
    assert murmur2(key) == value % 2**32


@pytest.mark.parametrize("partitioner", ["murmur2_random", "consistent_random"])
def test_partitioners_agree_with_librdkafka(partitioner: str) -> None:
    kafka = pytest.importorskip("confluent_kafka")
    rng = random.Random(4)
    keys = [rng.randbytes(rng.randint(1, 20)) for _ in range(60)]
    found, count = produce(kafka, partitioner, keys)
    assert count > 1
    assert found == {key: partition_of(key, count, partitioner) for key in keys}


def produce(kafka: Any, partitioner: str, keys: list[bytes]) -> tuple[dict[bytes, int], int]:
    """Where librdkafka puts these keys on its mock cluster, and the partitions there are."""
    found: dict[bytes, int] = {}

    def delivered(error: Any, message: Any) -> None:
        assert error is None
        found[message.key()] = message.partition()

    producer = kafka.Producer({"test.mock.num.brokers": 1, "partitioner": partitioner})
    for key in keys:
        producer.produce("t", key=key, callback=delivered)
    assert producer.flush(20) == 0
    return found, len(producer.list_topics("t", timeout=10).topics["t"].partitions)


# --- headers ----------------------------------------------------------------------------------


def result(**fields: Any) -> dict[str, Any]:
    return {
        "requestId": "r",
        "customerId": "a b/é~",
        "outcome": "NOT_ELIGIBLE",
        "decidedAt": 1_790_000_000_007,
        "part": 2,
        "parts": 3,
        **fields,
    }


def test_result_headers() -> None:
    trace = [("traceparent", b"00-x"), ("other", b"1"), ("tracestate", None)]
    headers = result_headers(result(), ("reqs", 4, 17), trace)
    assert dict(headers) == {
        "ce_specversion": b"1.0",
        "ce_source": b"/planlift/customers/a%20b%2F%C3%A9~",
        "ce_id": b"r/2",
        "ce_type": b"planlift.not-eligible",
        "ce_time": b"2026-09-21T14:13:20.007Z",
        "content-type": b"application/avro",
        "planlift-source": b"reqs/4/17",
        "traceparent": b"00-x",
        "tracestate": None,
    }
    whole = dict(result_headers(result(part=1, parts=1), ("reqs", 4, 17), []))
    assert whole["ce_id"] == b"r"
    nameless = dict(result_headers(result(requestId="", part=1, parts=1), ("q", 0, 3), []))
    assert nameless["ce_id"] == b"q/0/3"


def test_dead_letter_headers() -> None:
    old: Headers = [
        ("planlift-error-code", b"old"),
        ("x", b"1"),
        ("planlift-source", b"keep"),
        ("x", b"2"),
    ]
    headers = dead_letter_headers(old, "malformed", "why", ("in", 2, 9), 0)
    assert headers[:3] == [("x", b"1"), ("planlift-source", b"keep"), ("x", b"2")]
    assert dict(headers[3:]) == {
        "planlift-error-code": b"malformed",
        "planlift-error-message": b"why",
        "planlift-topic": b"in",
        "planlift-partition": b"2",
        "planlift-offset": b"9",
        "planlift-time": b"1970-01-01T00:00:00.000Z",
    }
