"""STS tokens (IEC 62055-41): identification, keys, ciphers, tokens, the meter's side, the module.

Pure throughout: instants are integer microseconds UTC, random nibbles are arguments, tables and
keys are handed in. Where to look: `meter_id` DRN and PAN · `amounts` the 16-bit coding · `tid` the
24-bit minute counter · `keys` decoder key generation · `sta`, `misty1` the two ciphers ·
`layouts`, `token` what is in a token and its 20 digits · `key_change` KCT sets · `module` the
virtual security module · `meter` the decoder · `explain`, `inspect` for people · `conform` vectors.
"""
