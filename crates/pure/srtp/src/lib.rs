//! SRTP and SRTCP transforms (RFC 3711, RFC 7714).

#![forbid(unsafe_code)]
