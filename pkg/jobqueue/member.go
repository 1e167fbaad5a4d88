package jobqueue

import "hash/fnv"

// SelectMember returns the number of the pool member that a shopper's jobs are offered
// to first: the 32-bit FNV-1a hash of the id, modulo size. size must be at least 1.
func SelectMember(shopper string, size int) int {
	h := fnv.New32a()
	h.Write([]byte(shopper))
	return int(h.Sum32() % uint32(size))
}
