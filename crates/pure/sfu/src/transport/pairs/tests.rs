//! Tests of the pair table.
