package protobuf

import (
	"github.com/bufbuild/protocompile/ast"
	"github.com/bufbuild/protocompile/linker"
	"github.com/bufbuild/protocompile/sourceinfo"
	"google.golang.org/protobuf/types/descriptorpb"
)

// protoPlaces finds in a file's syntax tree where the elements stand that the model knows. That is a small part of a
// file's source info, which takes as long to make as the file to parse.
type protoPlaces struct {
	*protoSources
	result linker.Result
	tree   *ast.FileNode
	index  sourceinfo.OptionIndex
	key    []byte
}

// placesOf returns the places of a linked file that still has its syntax tree, without comments.
func placesOf(file linker.Result, index sourceinfo.OptionIndex) *protoSources {
	fd := file.FileDescriptorProto()
	p := &protoPlaces{
		protoSources: &protoSources{file: fd.GetName(), locations: map[string]protoLocation{}},
		result:       file, tree: file.AST(), index: index,
	}
	placeOptions(p, p.tree.Decls, []int32{fileOptions})
	for i, md := range fd.GetMessageType() {
		p.message(md, []int32{fileMessage, int32(i)})
	}
	for i, ed := range fd.GetEnumType() {
		p.enum(ed, []int32{fileEnum, int32(i)})
	}
	return p.protoSources
}

func (p *protoPlaces) add(path []int32, n ast.Node) {
	start := p.tree.NodeInfo(n).Start()
	p.put(&p.key, path, protoLocation{line: int32(start.Line), col: int32(start.Col)})
}

func (p *protoPlaces) message(md *descriptorpb.DescriptorProto, path []int32) {
	node := p.result.MessageNode(md)
	p.add(path, node)
	switch n := node.(type) {
	case *ast.MessageNode:
		placeOptions(p, n.Decls, below(path, messageOptions))
	case *ast.SyntheticGroupMessageNode:
		placeOptions(p, n.Decls, below(path, messageOptions))
	}
	for i, f := range md.GetField() {
		p.field(f, below(path, messageField, int32(i)))
	}
	for i, o := range md.GetOneofDecl() {
		if n, ok := p.result.OneofNode(o).(*ast.OneofNode); ok { // not that of proto3 optional
			at := below(path, messageOneof, int32(i))
			p.add(at, n)
			placeOptions(p, n.Decls, below(at, oneofOptions))
		}
	}
	for i, ed := range md.GetEnumType() {
		p.enum(ed, below(path, messageEnum, int32(i)))
	}
	for i, nested := range md.GetNestedType() {
		if !nested.GetOptions().GetMapEntry() {
			p.message(nested, below(path, messageNested, int32(i)))
		}
	}
}

func (p *protoPlaces) field(f *descriptorpb.FieldDescriptorProto, path []int32) {
	n := p.result.FieldNode(f)
	p.add(path, n)
	member := int32(fieldTypeNumber)
	if f.GetTypeName() != "" {
		member = fieldTypeName
	}
	typeAt := len(path)
	path = append(path, member)
	if group, ok := n.(*ast.GroupNode); ok {
		p.add(path, group.Name)
	} else {
		p.add(path, n.FieldType())
	}
	path = path[:typeAt]
	if o := n.GetOptions(); o != nil {
		placeOptions(p, o.GetElements(), below(path, fieldOptions))
	}
}

func (p *protoPlaces) enum(ed *descriptorpb.EnumDescriptorProto, path []int32) {
	n, ok := p.result.EnumNode(ed).(*ast.EnumNode)
	if !ok {
		return
	}
	p.add(path, n)
	placeOptions(p, n.Decls, below(path, enumOptions))
	for i, v := range ed.GetValue() {
		if n, ok := p.result.EnumValueNode(v).(*ast.EnumValueNode); ok {
			at := below(path, enumValue, int32(i))
			p.add(at, n)
			if n.Options != nil {
				placeOptions(p, n.Options.GetElements(), below(at, enumValueOptions))
			}
		}
	}
}

// placeOptions adds the options among the declarations of an element; path is that of its options.
func placeOptions[T any](p *protoPlaces, decls []T, path []int32) {
	for _, d := range decls {
		n, ok := any(d).(*ast.OptionNode)
		if !ok {
			continue
		}
		if info := p.index[n]; info != nil {
			at := optionPath(path, info.Path)
			p.add(at, n)
			p.optionValue(path, at, n.Val, info.Children)
		}
	}
}

// optionPath is an option's path in the file. One that begins with -1 is that of a member of the element itself, such
// as json_name.
func optionPath(path, option []int32) []int32 {
	if option[0] == -1 {
		return below(path[:len(path)-1], option[1:]...)
	}
	return below(path, option...)
}

// optionValue adds what is in an option's value; path is that of the element's options, at that of the value.
func (p *protoPlaces) optionValue(path, at []int32, value ast.ValueNode, children sourceinfo.OptionChildrenSourceInfo) {
	switch list, _ := value.(*ast.ArrayLiteralNode); info := children.(type) {
	case *sourceinfo.ArrayLiteralSourceInfo:
		for i, e := range list.Elements {
			at := optionPath(path, info.Elements[i].Path)
			p.add(at, e)
			p.optionValue(path, at, e, info.Elements[i].Children)
		}
	case *sourceinfo.MessageLiteralSourceInfo:
		literal, ok := value.(*ast.MessageLiteralNode)
		if !ok {
			return
		}
		for _, member := range literal.Elements {
			if info := info.Fields[member]; info != nil {
				at := optionPath(path, info.Path)
				if _, isList := member.Val.(*ast.ArrayLiteralNode); !isList {
					p.add(at, member)
				}
				p.optionValue(path, at, member.Val, info.Children)
			}
		}
	case nil:
		if list == nil {
			return
		}
		for i, e := range list.Elements { // at is the path of the first
			p.add(append(below(at[:len(at)-1]), at[len(at)-1]+int32(i)), e)
		}
	}
}
