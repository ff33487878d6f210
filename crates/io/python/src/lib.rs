//! The Python module: conversions only.

