package encrypt

// Marks are what stands in each value that a key has sealed, in its text and in its bytes: to find where a key was used, in whatever holds events.
func Marks(id KeyID) [][]byte {
	// Of the text each character stands for six bits: those of the id from its second byte on are the same whatever is sealed.
	return [][]byte{encoding.AppendEncode(nil, id[1:]), append([]byte(nil), id[:]...)}
}
