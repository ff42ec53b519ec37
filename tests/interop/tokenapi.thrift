// TokenApi 1.1 for the peers of the tests: written by hand from the field ids, apart from our tables.

exception ApiException { 1: required string eCode, 2: required string eMsgEn }

struct SessionOptions { 1: required string version, 10: optional string culture }
struct SignInResult { 1: required string accessToken }
struct Alert { 1: required string eCode, 2: required string eMsgEn }
struct NodeStatus { 1: required map<string, string> info, 2: required list<Alert> alerts }

struct MeterConfigAmendment { 1: required i32 toSgc, 2: required i16 toKrn, 3: required i16 toTi }

struct MeterConfigIn {
  1: required string drn, 2: required i16 ea, 3: required i16 tct,
  10: required i32 sgc, 11: required i16 krn, 12: required i16 ti,
  20: optional MeterConfigAmendment newConfig, 21: optional bool allowKrnUpdate,
  30: required i16 ken, 31: optional string doe, 32: optional bool allow3Kct,
  33: optional bool allowKenUpdate
}

struct MeterConfigAdvice {
  1: required i32 toSgc, 2: required i16 toKrn, 3: required i16 toTi, 4: required i16 toKen,
  10: required string idRecord, 11: required string record2,
  20: required bool rollover, 21: required string toVkKcv
}

struct Token {
  1: required string drn, 2: required string pan, 3: required i16 ea, 4: required i16 tct,
  5: required i32 sgc, 6: required i16 krn, 7: required i16 ti,
  10: required i16 tokenClass, 11: required i16 subclass, 12: required i32 tid,
  13: required double transferAmount, 14: required bool isReservedTid,
  15: optional MeterConfigAdvice newConfig,
  20: required string description, 21: required string stsUnitName,
  22: required string scaledAmount, 23: required string scaledUnitName,
  30: required string tokenDec, 31: required string tokenHex,
  40: required string idSm, 41: required string vkKcv
}

struct MeterTestToken {
  1: required string drn, 2: required string pan, 10: required i16 tokenClass,
  11: required i16 subclass, 12: required i64 control, 13: required i16 mfrcode,
  20: required string description, 30: required string tokenDec, 31: required string tokenHex
}

struct VerifyResult {
  1: required string validationResult, 2: optional Token token,
  3: optional MeterTestToken meterTestToken
}

service TokenApi {
  string ping(1: i32 sleepMs, 2: string echo) throws (1: ApiException ex1),
  SignInResult signInWithPassword(1: string messageId, 2: string realm, 3: string username,
    4: string password, 5: SessionOptions sessionOpts) throws (1: ApiException ex1),
  list<NodeStatus> getStatus(1: string messageId, 2: string accessToken)
    throws (1: ApiException ex1),
  MeterConfigIn parseIdRecord(1: string messageId, 2: string accessToken, 3: string idRecord)
    throws (1: ApiException ex1),
  bool loadTransactionLicense(1: string messageId, 2: string accessToken, 3: string licenseText)
    throws (1: ApiException ex1),
  list<Token> issueCreditToken(1: string messageId, 2: string accessToken,
    3: MeterConfigIn meterConfig, 4: i16 subclass, 5: double transferAmount, 6: i64 tokenTime,
    7: i64 flags) throws (1: ApiException ex1),
  MeterTestToken issueMeterTestToken(1: string messageId, 2: string accessToken, 3: i16 subclass,
    4: i64 control, 5: i16 mfrcode) throws (1: ApiException ex1),
  list<Token> issueMseToken(1: string messageId, 2: string accessToken,
    3: MeterConfigIn meterConfig, 4: i16 subclass, 5: double transferAmount, 6: i64 tokenTime,
    7: i64 flags) throws (1: ApiException ex1),
  list<Token> issueKeyChangeTokens(1: string messageId, 2: string accessToken,
    3: MeterConfigIn meterConfig, 4: MeterConfigAmendment newConfig) throws (1: ApiException ex1),
  list<Token> issueDitkChangeTokens(1: string messageId, 2: string accessToken,
    3: MeterConfigIn meterConfig) throws (1: ApiException ex1),
  VerifyResult verifyToken(1: string messageId, 2: string accessToken,
    3: MeterConfigIn meterConfig, 4: string tokenDec) throws (1: ApiException ex1),
  list<Token> fetchTokenResult(1: string messageId, 2: string accessToken, 3: string reqMessageId)
    throws (1: ApiException ex1),
  list<string> ctsResetTidList(1: string messageId, 2: string accessToken, 3: string panPattern)
    throws (1: ApiException ex1)
}
