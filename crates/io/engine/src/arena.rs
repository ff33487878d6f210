//! Values under numbers that are never given twice.

use slab::Slab;

/// A slab whose keys carry a generation: the key of a removed value finds nothing, although its
/// place is used again.
pub(crate) struct Arena<T> {
    slab: Slab<(u64, T)>,
    generation: u64,
}

impl<T> Arena<T> {
    pub(crate) fn new() -> Self {
        Self { slab: Slab::new(), generation: 0 }
    }

    pub(crate) fn insert(&mut self, value: T) -> u64 {
        let entry = self.slab.vacant_entry();
        let key = (self.generation << 32) | entry.key() as u64;
        self.generation += 1;
        entry.insert((key, value));
        key
    }

    pub(crate) fn get_mut(&mut self, key: u64) -> Option<&mut T> {
        self.slab.get_mut(index_of(key)).filter(|(own, _)| *own == key).map(|(_, value)| value)
    }

    pub(crate) fn get(&self, key: u64) -> Option<&T> {
        self.slab.get(index_of(key)).filter(|(own, _)| *own == key).map(|(_, value)| value)
    }

    /// The key and value in a place, of whatever generation.
    pub(crate) fn at_mut(&mut self, index: usize) -> Option<(u64, &mut T)> {
        self.slab.get_mut(index).map(|(key, value)| (*key, value))
    }

    pub(crate) fn remove(&mut self, key: u64) -> Option<T> {
        self.get(key)?;
        self.slab.try_remove(index_of(key)).map(|(_, value)| value)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.slab.iter().map(|(_, (_, value))| value)
    }
}

/// The place of a key, which is small enough for a poller's token.
pub(crate) fn index_of(key: u64) -> usize {
    (key & 0xFFFF_FFFF) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_key_finds_nothing() {
        let mut arena = Arena::new();
        let first = arena.insert('a');
        assert_eq!(arena.remove(first), Some('a'));
        let second = arena.insert('b');
        assert_eq!(index_of(first), index_of(second));
        assert_eq!((arena.get(first), arena.get(second)), (None, Some(&'b')));
        assert_eq!((arena.remove(first), arena.values().count()), (None, 1));
        assert_eq!(arena.at_mut(index_of(second)), Some((second, &mut 'b')));
    }
}
