package jobqueue

import "hash/fnv"

// SelectMember returns the number of the pool member that a shopper's jobs are offered
// to first: the 32-bit FNV-1a hash of the id, modulo size. size must be at least 1.
func SelectMember(shopper string, size int) int { return hashed(shopper, size) }

// SelectShard returns the number of the shard that has a shop's jobs: the 32-bit FNV-1a hash
// of the slug, modulo shards; 0 if there are none.
func SelectShard(shop string, shards int) int { return hashed(shop, max(1, shards)) }

func hashed(id string, modulo int) int {
	h := fnv.New32a()
	h.Write([]byte(id))
	return int(h.Sum32() % uint32(modulo))
}
