//! RTP and RTCP packet views and codec payload headers.

#![forbid(unsafe_code)]
