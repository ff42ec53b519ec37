import pytest

from adapters.prismtoken.codes import (
    TABLE,
    UNKNOWN,
    Blame,
    Remedy,
    fault_verdict,
    verdict,
)
from adapters.prismtoken.message import ApiError, ApplicationException

# The ids that TokenApi 1.1 names, but those of verifyToken's results.
IDS = """EService EService.Disabled EAuthentication.Token EAuthentication.Permission EParamRange
    ESts.DrnOrPan ESts.DrnOrPan.CheckDigit ESts.IdRecord ESts.IdRecord.Expired ESts.VkExpired
    ESts.VkBeforeBdt ESignin.Version ESignin.Realm ESignin.Subject ESignin.Authentication
    ESignin.Permission ESm EKeystore.NotFound ECacheMiss EPrefRange""".split()


@pytest.mark.parametrize("error_id", IDS)
def test_every_id_of_the_api_has_its_row(error_id: str) -> None:
    assert verdict(ApiError(error_id, "")) == TABLE[error_id]


@pytest.mark.parametrize(
    ("error_id", "code"),
    [
        ("EService.Disabled.Further", "module_disabled"),
        ("ESts.DrnOrPan.Length", "module_meter_number"),
        ("EService.Restarting", "module_fault"),
        ("ESts.Something", "module_unknown"),
        ("", "module_unknown"),
        ("EVerify.Crc", "module_unknown"),
    ],
)
def test_an_id_of_a_later_version_has_the_row_of_its_family(error_id: str, code: str) -> None:
    assert verdict(ApiError(error_id, "")).code == code


@pytest.mark.parametrize(
    ("status", "code", "remedy"),
    [
        ("43", "module_licence", Remedy.LATER),
        ("41", "module_key_expired", Remedy.REFUSED),
        ("26", "module_hardware", Remedy.LATER),
        ("never heard of", "module_hardware", Remedy.LATER),
    ],
)
def test_the_hardware_s_own_status_is_read(status: str, code: str, remedy: Remedy) -> None:
    found = verdict(ApiError("ESm", f"Security Module error '{status}': words"))
    assert (found.code, found.remedy) == (code, remedy)


def test_nothing_that_may_have_made_a_token_is_simply_repeated() -> None:
    assert verdict(ApiError("EService", "timeout")).remedy is Remedy.ASK
    assert UNKNOWN.remedy is Remedy.ASK
    for number in (0, 4, 5, 6, 7, 99, None):
        assert fault_verdict(ApplicationException("", number)).remedy is Remedy.ASK
    for number in (1, 2, 3, 8, 9, 10):
        found = fault_verdict(ApplicationException("", number))
        assert (found.remedy, found.blame) == (Remedy.REFUSED, Blame.CLIENT)
