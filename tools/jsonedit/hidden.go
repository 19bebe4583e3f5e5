package jsonedit

import "github.com/omninode/trestle/runtime/jsonio"

// Unhide returns what somebody has edited of a text that was shown with [jsonio.Hidden] in the place of some values, with those values back where they stood.
// stray is a value that stands for one and is somewhere else, or in an element of an array that was edited, so that which one it stands for can't be told; nil:
// there is none.
func Unhide(edited, original, shown *Value) (restored, stray *Value) {
	if Same(original, shown) {
		return edited, nil
	}
	u := unhider{}
	return u.value(edited, original, shown), u.stray
}

type unhider struct{ stray *Value }

func isHidden(v *Value) bool {
	return v != nil && v.Kind == '"' && string(v.Text) == `"`+jsonio.Hidden+`"`
}

func (u *unhider) value(edited, original, shown *Value) *Value {
	switch {
	case isHidden(edited) && isHidden(shown):
		return original
	case isHidden(edited):
		if u.stray == nil {
			u.stray = edited
		}
	case edited.Kind == '{':
		out := &Value{Kind: '{', Start: edited.Start}
		for _, m := range edited.Members {
			m.Value = u.value(m.Value, original.Member(m.Name), shown.Member(m.Name))
			out.Members = append(out.Members, m)
		}
		return out
	case edited.Kind == '[':
		out := &Value{Kind: '[', Start: edited.Start}
		for i, e := range edited.Elements {
			if was := element(shown, i); was != nil && Same(e, was) {
				e = u.value(e, element(original, i), was)
			} else {
				e = u.value(e, nil, nil)
			}
			out.Elements = append(out.Elements, e)
		}
		return out
	}
	return edited
}
