"""What a company's configuration has when it takes money by the simulated provider."""

CHANNEL = """
[channels.mtn]
kind = "mobilemoney"
company = "demo"
wallet = "mtn"
base = "http://127.0.0.1:{purse_port}"
public = "http://127.0.0.1:{http_port}"
path = "/purse"
path_secret = "purse.secret"
callers = ["127.0.0.0/8"]
settings = {{ api_user = "user", target_environment = "sandbox" }}
secrets = {{ api_key = "purse.key", subscription_key = "purse.subscription" }}
"""
WALLETS = """\
mapping: story
format: wallets
version: 1
effective: 2026-01-01
currency: UGX
note: The story's one provider.

terms:
  wallets:
    - name: mtn
      channel: mtn
      provider: mtn
      label: MTN MoMo
      prefixes: ["25676"]
      least: 500
      most: 5000000
      large: 1000000
      asks_s: 300
  references:
    - {names: meter, pattern: "[0-9]{11}"}
  held:
    - {reason: unknown, owner: wallets, hours: 72, then: refund}
    - {reason: small, owner: wallets, hours: 720, then: credit}
    - {reason: postpaid, owner: billing, hours: 24, then: credit}
    - {reason: blocked, owner: revenue-protection, hours: 24, then: credit}
    - {reason: vacant, owner: wallets, hours: 48, then: refund}
    - {reason: exchanging, owner: field, hours: 24, then: work-list}
    - {reason: over-limit, owner: wallets, hours: 24, then: credit}
    - {reason: differs, owner: wallets, hours: 24, then: work-list}
    - {reason: refused, owner: wallets, hours: 24, then: credit}
  smallest: 500

cases:
  - {payer: "+256762000002", wallet: mtn}
"""
#: Files beside the configuration; the secrets are those of the simulated provider.
FILES = {
    "wallets.yaml": WALLETS,
    "purse.secret": "a-word-that-is-known-in-this-folder-only\n",
    "purse.key": "key\n",
    "purse.subscription": "sim-subscription\n",
}


def with_purse(configuration: str, http_port: int, purse_port: int) -> str:
    """A configuration whose company takes money by this provider."""
    named = configuration.replace('# wallets = "demo.yaml"', 'wallets = "wallets.yaml"')
    return named + CHANNEL.format(http_port=http_port, purse_port=purse_port)
