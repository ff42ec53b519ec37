"""The cases that a dialect carries: read, compared, written anew, codes checked."""

from adapters.iso8583.document import CaseDocument, Dialect
from adapters.iso8583.errors import DecodeError, IsoError
from adapters.iso8583.message import plain
from adapters.iso8583.seal import verify


def run_case(dialect: Dialect, case: CaseDocument) -> list[str]:
    """What is wrong with one case, a sentence each; nothing when it holds."""
    try:
        data = bytes.fromhex(case.hex)
    except ValueError:
        return ["its hex is no hex"]
    try:
        message = dialect.codec.decode(data)
        if case.key:
            verify(dialect, data, [bytes.fromhex(case.key)])
        again = dialect.codec.encode(message)
    except DecodeError as error:
        if case.refused and error.path == case.refused:
            return []
        due = f"must be refused at {case.refused}" if case.refused else "must be read"
        return [f"{due}, but {error}"]
    except (IsoError, ValueError) as error:
        return [str(error)]
    if case.refused:
        return [f"must be refused at {case.refused}, but it was read as {message.mti}"]
    wrong = [] if case.mti == message.mti else [f"mti: expected {case.mti}, got {message.mti}"]
    wanted = {str(number): value for number, value in case.fields.items()}
    got = {str(number): plain(value) for number, value in message.fields.items()}
    wrong += [
        f"field {name}: expected {wanted.get(name, 'nothing')!r}, got {got.get(name, 'nothing')!r}"
        for name in sorted({*wanted, *got}, key=int)
        if wanted.get(name) != got.get(name)
    ]
    if case.canonical and again != data:
        wrong.append(f"written anew it is {again.hex().upper()}")
    return wrong
