package kafka

// Offsets says for topics and their partitions which offset is to be read next.
type Offsets map[string]map[int32]int64

// Set records the next offset of a partition.
func (o Offsets) Set(topic string, partition int32, next int64) {
	partitions := o[topic]
	if partitions == nil {
		partitions = make(map[int32]int64)
		o[topic] = partitions
	}
	partitions[partition] = next
}

// Next returns the next offset of a partition, and whether there is one.
func (o Offsets) Next(topic string, partition int32) (int64, bool) {
	next, ok := o[topic][partition]
	return next, ok
}
