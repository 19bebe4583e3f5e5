package eventtrace

// batch is what is stored in one transaction: events, and how far their partitions have been read.
type batch struct {
	events []Event
	next   Progress
}

// splitFrom is the number of events that a batch is split from: of fewer, two transactions cost more than one.
const splitFrom = 500

// split makes two of a large batch, so that a database works at both at once. A partition's events and its progress are in one of them, so each is right by
// itself, whatever becomes of the other. A batch with the end of a topic and the beginning of one of the same name stays whole.
func (b batch) split() []batch {
	if len(b.events) < splitFrom {
		return []batch{b}
	}
	ids, sizes := map[string]string{}, map[partition]int{}
	for i := range b.events {
		e := &b.events[i]
		if id, ok := ids[e.Topic]; ok && id != e.TopicID {
			return []batch{b}
		}
		ids[e.Topic] = e.TopicID
		sizes[e.partition()] += e.Size()
	}
	if len(sizes) == 1 {
		return []batch{b}
	}
	second, weights := map[partition]bool{}, [2]int{}
	for i := range b.events { // in the order of the events, so that the same batch is split alike
		p := b.events[i].partition()
		if size := sizes[p]; size > 0 {
			sizes[p] = 0
			lighter := 0
			if weights[1] < weights[0] {
				lighter = 1
			}
			weights[lighter] += size
			second[p] = lighter == 1
		}
	}
	halves := []batch{{next: Progress{}}, {next: Progress{}}}
	for i := range b.events {
		at := 0
		if second[b.events[i].partition()] {
			at = 1
		}
		halves[at].events = append(halves[at].events, b.events[i])
	}
	for topic, partitions := range b.next {
		for number, next := range partitions {
			at := 0
			if second[partition{topic, ids[topic], number}] {
				at = 1
			}
			halves[at].next.Set(topic, number, next)
		}
	}
	return halves
}
