package jobqueue

import "hash/fnv"

// SelectMember is the number of the pool member that a shopper's jobs go to
// first: FNV-1a, 32 bits, of the id, modulo size. size is at least 1.
func SelectMember(shopper string, size int) int {
	h := fnv.New32a()
	h.Write([]byte(shopper))
	return int(h.Sum32() % uint32(size))
}
