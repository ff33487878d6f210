//! SDP offers and answers (RFC 8866, RFC 9429).

#![forbid(unsafe_code)]
