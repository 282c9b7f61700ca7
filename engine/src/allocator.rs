//! How the C library hands out memory: freed maps are kept for the next operation.
//!
//! By default glibc gives every block of some megabytes back to the system when it is freed and asks for it again a
//! moment later; the system then clears all its pages and interrupts the other threads. A network frees and takes
//! hundreds of such blocks a step, which was a quarter of the time of decoding an image.

/// Largest block that comes from the kept memory; the largest weights do not.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT_BLOCK_BYTES: i32 = 1 << 30;
/// Freed memory on top of the heap that is kept.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT_BYTES: i32 = 1 << 29;

/// Keeps freed memory for the next operation; a program calls it once, when it begins. Elsewhere than on Linux with
/// glibc it does nothing.
#[allow(unsafe_code, reason = "a call into the C library")]
pub fn keep_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `mallopt` takes two numbers and sets two of the allocator's limits; no memory is touched.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, KEPT_BLOCK_BYTES);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_BYTES);
    }
}

/// Gives kept memory back to the system: for a program that has dropped a model. Elsewhere than on Linux with glibc
/// it does nothing.
#[allow(unsafe_code, reason = "a call into the C library")]
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `malloc_trim` returns unused pages and may be called at any time from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    fn resident_bytes() -> usize {
        let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
        statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number") * 4096
    }

    #[test]
    fn memory_can_be_given_back() {
        const BLOCK: usize = 1 << 20;
        keep_large_blocks();
        // The last block keeps the top of the heap in use, so that only trimming frees what lies below.
        let mut blocks: Vec<Vec<u8>> = (0..200).map(|_| vec![1; BLOCK]).collect();
        let last = blocks.pop();
        drop(blocks);
        let before = resident_bytes();
        give_back();
        let after = resident_bytes();
        assert!(after + 150 * BLOCK < before, "{before} to {after}");
        drop(last);
    }
}
