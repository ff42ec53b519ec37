"""Every refusal of the token part: one class and one code each, so that callers tell them apart.

The sentence is for an operator; `where` names the field, `evidence` keeps what was given. Keys
are never evidence, and the sentences never repeat the digits of a token.
"""

from typing import ClassVar


class StsError(ValueError):
    """A refusal by the token part; `code` is stable and may be stored or translated."""

    code: ClassVar[str] = "sts"

    def __init__(self, sentence: str, *, where: str = "", evidence: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.where = where
        self.evidence = evidence


# --- identification -------------------------------------------------------------------------


class DrnCharacterError(StsError):
    """A meter number with something else than digits in it."""

    code = "drn_character"


class DrnLengthError(StsError):
    """A meter number that has neither 11 nor 13 digits."""

    code = "drn_length"


class DrnCheckDigitError(StsError):
    """The last digit of the meter number does not fit the others: a slip of the finger."""

    code = "drn_check_digit"


class PanFormError(StsError):
    """A meter PAN that is not 18 digits with a known IIN."""

    code = "pan_form"


class PanCheckDigitError(StsError):
    """The last digit of the meter PAN does not fit the others."""

    code = "pan_check_digit"


class FieldRangeError(StsError):
    """A coded field (SGC, TI, KRN, KT, KEN, RND, …) outside what its bits or the standard allow."""

    code = "field_range"


# --- amounts and time -----------------------------------------------------------------------


class AmountOverflowError(StsError):
    """More than one token can carry (18,201,624 tenths)."""

    code = "amount_overflow"


class AmountNegativeError(StsError):
    """Units below zero: only currency tokens may be negative."""

    code = "amount_negative"


class TimeBeforeBaseError(StsError):
    """An instant before the base date of the vending key."""

    code = "time_before_base"


class TidExhaustedError(StsError):
    """The 24-bit minute counter of this base date has run out: the meters need a key change."""

    code = "tid_exhausted"


class TidRunAheadError(StsError):
    """The meter's last TID is too far ahead of the clock to add another minute to it."""

    code = "tid_run_ahead"


# --- keys and ciphers -----------------------------------------------------------------------


class KeyLengthError(StsError):
    """A key whose length does not fit its algorithm."""

    code = "key_length"


class AlgorithmPairError(StsError):
    """An encryption algorithm and a key generation algorithm that do not go together."""

    code = "algorithm_pair"


class AlgorithmWithdrawnError(StsError):
    """DKGA01, DKGA03 or EA09: legacy or withdrawn, and not offered."""

    code = "algorithm_withdrawn"


class AlgorithmUnknownError(StsError):
    """A code that names no algorithm of the standard."""

    code = "algorithm_unknown"


class KeyTypeUnsupportedError(StsError):
    """A key type for which this derivation is not defined or not settled."""

    code = "key_type_unsupported"


class TablesFormError(StsError):
    """A file of substitution tables that is not two nibble permutations and one of 64 bits."""

    code = "tables_form"


# --- tokens ---------------------------------------------------------------------------------


class TokenLengthError(StsError):
    """Not 20 digits."""

    code = "token_length"


class TokenCharacterError(StsError):
    """A letter or another sign among the digits."""

    code = "token_character"


class TokenGroupingError(StsError):
    """Blanks or hyphens where none belong."""

    code = "token_grouping"


class TokenRangeError(StsError):
    """20 digits, but a number of more than 66 bits: no token has it."""

    code = "token_range"


class TokenClassError(StsError):
    """Class 3, which the standard reserves."""

    code = "token_class"


class TokenSubclassError(StsError):
    """A subclass that the standard reserves, so nobody knows its layout."""

    code = "token_subclass"


class TokenCrcError(StsError):
    """The check sum does not fit: a wrong digit, or a token for another meter or another key."""

    code = "token_crc"


class KeyNeededError(StsError):
    """A token of class 0 or 2 is encrypted, and no decoder key was given."""

    code = "key_needed"


# --- the security module ----------------------------------------------------------------------


class SupplyGroupUnknownError(StsError):
    """No vending key for this company, supply group, revision and key type."""

    code = "supply_group_unknown"


class VendingKeyExpiredError(StsError):
    """The vending key may not be used any more: by its KEN or by its own date."""

    code = "vending_key_expired"


class DefaultKeyCreditError(StsError):
    """Credit asked for a meter that still has its default key (DDTK): it would refuse the token."""

    code = "default_key_credit"


class TestKeyError(StsError):
    """A test key or the sample tables, asked to serve a company that is not marked as test."""

    __test__ = False  # not a test case, whatever its name begins with

    code = "test_key"


class TablesMissingError(StsError):
    """EA07 was asked for, and no substitution tables are loaded."""

    code = "tables_missing"


class KeyFileError(StsError):
    """A key file that cannot be read, or a key in it that does not unwrap."""

    code = "key_file"


class KeyComponentError(StsError):
    """A component of a key, or the key that the components make, is not the one of its letter."""

    code = "key_component"


class KeyChangeRuleError(StsError):
    """A key change that is not allowed (key type order, expired new key, base date)."""

    code = "key_change_rule"


class ModuleAwayError(Exception):
    """The module that holds the keys does not answer, or not with its keys: an outage.

    No StsError, and so never the refusal of a request: nothing is known against the request, and
    it may be asked again when the module is back. `where` names the module.
    """

    code: ClassVar[str] = "module_away"

    def __init__(self, sentence: str, *, where: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.where = where


class ConformShapeError(StsError):
    """A vector whose kind or shape is not known here."""

    code = "vector_shape"
