"""The grants, one a module, on Authlib's grant core."""

from identity.provider.grants.code import CodeGrant, S256Only
from identity.provider.grants.exchange import ExchangeGrant
from identity.provider.grants.machine import MachineCredentialsGrant
from identity.provider.grants.refresh import RefreshGrant

__all__ = ["CodeGrant", "ExchangeGrant", "MachineCredentialsGrant", "RefreshGrant", "S256Only"]
