//! Threads that own shards; commands in, events out.

