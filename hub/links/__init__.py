"""Links that several channels share: one bind that carries SMS and USSD is one link."""
