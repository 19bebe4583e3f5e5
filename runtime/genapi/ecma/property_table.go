package ecma

// What Unicode says of characters and what package unicode has no tables of. After each name come its ranges: how far the first
// character is from the last of the range before, and how many more follow it, both in base 36. A name after a - is what that
// property lacks of the one that it is derived from.
const propertyRanges = `Bidi_Mirrored:
14-1 j 2 t 2 u 2 1a g 2v3-3 1ge-1 1wd-1 b-1 1j-1 f-1 4y 5d-3 4-5 4 4-1 4-3 2-3 2 2 5-8 6 2-h 6-3 a-1 2 2-7 2-v 3-3 6
a-1 3-i 6-1 a-4 3-1 5-n 3-f 9-3 l-1 8-1 u6-d 23 3-3 2-1 2-2 6-3 6-2 4-d b8-l 3-5 2-d 9 8-5 4 5-4 2-1 3-4 5 2-2 3-1
b-5 3-1 d-i 2-3 3 2 3 2-3 6-1 7-2 p-1 c-1 5-3 2-1 3-1 5-16 3-7 2-13 6 2 4-4 6-2 5 4-4 2 75 ec-3 4-1 2-1 f-1 3-9 18-7
bw-9 3-7 14qm-5 6-1 4j-1 j 2 t 2 u 2 2-1 2-1 16k8 1m 1m 1m 1m
Case_Ignorable:
13 7 c 10 2 20 5 2 5 3-1 e0-5b 5-1 5 a-1 2 70-6 5s 6 1e-18 2 2-1 2-1 2 19 c-5 b-a 2 10 b-k h 2u-7 2-9 2-3 y 2 v-q
2k-a 1n-a 5 3 p-n 18-2 19 8-1 6-8 16-1l 1k 2 5-7 5 4-6 b-1 e g 1n 5-3 9 l-1 r 3-1 1m 5-1 5-1 3-2 4 v-1 4 c-1 1m 5-4
2-1 5 l-1 n-5 2 1n 3 2-3 9 8-1 c-1 v 1q d 1f 4 1k 2-2 6-2 2-3 8-1 c-1 u 1n 3 7 6-1 l-1 t-1 1m-1 5-3 9 l-1 u 21 8-2 2
2j 3-6 c-8 2r 3-8 a 2-6 22-1 s 2 2 1k-d 2-4 2-1 6-a 2-z a 2v-3 2-5 2-1 3-1 q-1 5-2 h-3 e 3-1 7 g 2n gx-2 qb-2 u-1
v-1 v-1 1t-1 2-6 9 3-a 4 6 1a-4 1g 1u-1 z 3b-2 5-1 a 7-2 64-1 3 1n 2-6 2 2 3-7 7-9 3 14 9-19 3-b l-3 1d 2-4 2 6 15-8
d-1 x-3 3-1 2-2 1l 2-1 4 2-2 1n-7 3-1 1t-5 2b-2 2-c 2-6 5 7 4-1 1f-1q e z-2s ce 2-2 c-2 e-2 e-2 e-1 d-4 9-1 b 3 3-4
1e-4 2-9 2 e h-c 1g-w 2a4-1 36-2 3i g 2p-v 1c d2 11-3 4-4 6 2m-5 2m-2 lxz yr-5 7j 2r-3 2-9 2 t-3 29-1 f-x 27 o-2
2v-3 4-1 9 4 5 q-1 6 48-1 r-h e 13-7 q-a 1b-2 1d 3-3 3-1 i m-1 1v-5 3-1 3-1 d 9 10 c 1g 2-2 3-1 6-1 2 s f-1 6-1 2
2t-4 a-2 3e 3 5 fn5 44-g fy-f 4 d-f z 3 4q 8 7 c 10 2 1c 1a-1 1w m-2 ea 6b 46-4 sm-5 2-15 2-8 g7-2 2-1 6-3 15-2 5
4m-1 fy-3 13 r-4 2 8s-1 p 1h-5 1z-a 1e-3 3g 1j-e 16 3-1 b-2 1e-3 3-1 3 5 b 1f-2 11-4 2-7 1r d-1 1h-8 b-3 3 2o-2 3
2-1 7 3 4e 4-7 m-1 1m-1 4 12-6 4-4 1z-5 e 2 2 f-1 2e-7 3-2 2 o 2d-5 2 5-1 2-1 6n-3 7-1 2-1 s-1 2e-7 3 2-1 2z 2 3-5 2
2u 2 3-3 2-4 78-8 2-1 75-1 2 5 41-3 3-1 5 x-9 15-5 3-3 9 a-5 3-2 1b-c 2-1 5j 2-2 2 5m-6 2-5 2 2b-l 3-6 2-1 2-1 3f-5
4 2-1 2-6 2 21-1 4 2 1u 7u-1 c-1 1h-4 6 2 o 446-g 7-e 8uh-b 4-2 1xd-4 1o-6 a-3 e5-2 15-1 df 1s-g 1t-1 2-1 e-1 cn1-3
2-6 2-1 2hr-1 2-3 3ml-19 3-m f5-2 a-f 3-6 v-3 45-2 1j0-1i 5-1d 9 f n-4 2-e 11t-6 2-g 3-6 2-1 2-4 6-1p y 4h-d a9 1q-3
e4-4 73-1 6s 3 8-1 6 a cx-6 32-7 240-4 gx6q v-2n 3l-6n
Changes_When_Casefolded:
1t-p 2j b-m 2-7 x 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 3 2 2 2 2 2 2 2 2-1 2 2 2 2 2 2 2 2 2 2 2 2
2 2 2 2 2 2 2 2 2 2 2-1 2 2 2 2-1 2 2-1 2-2 3-3 2-1 2-2 4-1 2-1 2 2 2-1 2 3 2-1 2-2 2 2-1 4 8-1 2-1 2-1 2 2 2 2 2 2
2 2 3 2 2 2 2 2 2 2 2 3-1 2 2-2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 8-1 2-1 3 2-3 2 2 2 2 6v
17 2 4 9 7 2-2 2 2-1 2-g 2-8 n d-2 4-1 2 2 2 2 2 2 2 2 2 2 2 2 2-1 3-1 2 2-1 3-1e 1d 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
a 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2-1 2 2 2 2 2 2 3 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 3-11 1d 26x-11 2 6 mj-5 1oj-9 7-16 3-2 8x 2 2 2 2 2 2 2 2 2 2 2 2
2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
2 2 2 2 6-1 3 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 a-7
9-5 b-7 9-7 9-5 c 2 2 2 9-7 h-1b 3-2 3-5 6-2 3-5 c-3 d-4 6-2 3-5 8a 4-1 7 1a-f k mr-p 1f5-1b 1d 2-2 3 2 2 2-3 2 3
9-2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 9 2 5 nym 2 2
2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 k 2 2 2 2 2 2 2 2 2 2 2 2 2 3s 2 2 2 2 2 2 4 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
2 2 2 2 2 2 2 2 2 2 2 2 2 2 b 2 2-1 2 2 2 2 5 2 3 2 4 2 2 2 2 2 2 2 2 2 2-4 2-4 2 2 2 2 2 2 2 2-3 2 2-1 2 2 2 2 2 2
2 2 p or-27 fnl-6 d-4 sq-p xy-13 3t-z 4d-a 2-e 2-6 2-1 1d7-1e 4e-l 27v-v gw1-v 1t-o o5k-x
Changes_When_Casemapped:
1t-p 7-p 1n b-m 2-u 2-1r 2-2b 2-r 3-d 3-1 2 5-2k 2-h 7-q 2-1 2 2-1 4-1 2-3 2-4 3 2-1 3 8 3 2-1 4-5 6 b-1 4n 17-3 3-1
4-2 2 7 2-2 2 2-j 2-1a 4-w 2-4 2-3o 9-4l 2-11 b-12 26x-11 2 6 3-16 3-2 ip-2d 3-5 1oj-a 6-16 3-2 56 4 h 36-4b 3 2-39
3-5 3-11 3-5 3-7 2 2 2 2-u 3-1g 2-6 2 4-2 2-6 4-3 3-5 5-c 6-2 2-6 8a 4-1 7 s i-v 4-1 mq-1f 1ef-34 2-1 2-1 8-2t 8-3
4-1 d-11 2 6 nwz-19 j-r 3r-d 3-1p a-e 4-2 3-4 2-o 2-18 p-1 nx t-27 fnl-6 d-4 sq-p 7-p x2-27 2p-z 5-z 39-a 2-e 2-6
2-1 2-a 2-e 2-6 2-1 1c4-1e e-1e 2m-l b-l 26z-1r gv5-1r x-o 3-o o4t-1v
Changes_When_Lowercased:
1t-p 2u-m 2-6 y 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 3 2 2 2 2 2 2 2 3 2 2 2 2 2 2 2 2 2 2 2 2 2 2
2 2 2 2 2 2 2 2 2-1 2 2 4-1 2 2-1 2-2 3-3 2-1 2-2 4-1 2-1 2 2 2-1 2 3 2-1 2-2 2 2-1 4 8-1 2-1 2-1 2 2 2 2 2 2 2 2 3
2 2 2 2 2 2 2 2 3-1 2 2-2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 8-1 2-1 3 2-3 2 2 2 2 82 2 4 9 7
2-2 2 2-1 2-g 2-8 10 9 2 2 2 2 2 2 2 2 2 2 2 6 3 2-1 3-1e 1d 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 a 2 2 2 2 2 2 2 2 2 2 2
2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2-1 2 2 2 2 2 2 3 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
2 2 2 2 2 2 2 2 2 2 2 2 2 3-11 28a-11 2 6 k3-2d 1p0 7-16 3-2 8x 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 a 2 2 2 2 2 2 2 2 2
2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 a-7 9-5 b-7 9-7 9-5 c 2 2 2 9-7 p-7
9-7 9-7 9-4 c-4 c-3 d-4 c-4 8a 4-1 7 1a-f k mr-p 1f5-1b 1d 2-2 3 2 2 2-3 2 3 9-2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 9 2 5 nym 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
k 2 2 2 2 2 2 2 2 2 2 2 2 2 3s 2 2 2 2 2 2 4 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 b 2 2-1 2 2
2 2 5 2 3 2 4 2 2 2 2 2 2 2 2 2 2-4 2-4 2 2 2 2 2 2 2 2-3 2 2-1 2 2 2 2 2 2 2 2 p h7w-p xy-13 3t-z 4d-a 2-e 2-6 2-1
1d7-1e 4e-l 27v-v gw1-v 1t-o o5k-x
Changes_When_NFKC_Casefolded:
1t-p 1y 8 2 3 2 3-3 3-2 2-2 2-m 2-7 x 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2-2 2 3 2 2 2-2 2 2 2 2-1 2 2
2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2-1 2 2 2 2-1 2 2-1 2-2 3-3 2-1 2-2 4-1 2-1 2 2 2-1 2 3 2-1 2-2 2 2-1 4 8-9
2 2 2 2 2 2 2 3 2 2 2 2 2 2 2 2 3-3 2-2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 8-1 2-1 3 2-3 2 2
2 2 2q-8 w-5 3-4 2k-1 2-2 a x 2 2 2 4 4-1 5-6 2 2-1 2-g 2-8 n d-7 2 2 2 2 2 2 2 2 2 2 2 2 2-2 2-1 2 2-1 3-1e 1d 2 2
2 2 2 2 2 2 2 2 2 2 2 2 2 2 a 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2-1 2 2 2 2 2 2 3 2 2 2 2 2 2 2 2
2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 3-11 1d 45 2h-3 kg-7 3h-1 2 2c 3 z-2 3
72-1 k6 3k 15-1 1b 1j a 5 5 5 d a 2-4 8 i a 5 5 5 d 6f-11 2 6 1b 2r-1 ig-5 qf-1 2e-4 vl-9 7-16 3-2 31-2 2-a 2-h 2-r
e z-10 1t 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 6-1 3 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
2 2 2 2 2 2 2 2 2 2 2 2 2 2 a-7 9-5 b-7 9-7 9-5 c 2 2 2 9-7 2 2 2 2 2 2 2 3-1b 3-2 3-d 3-8 4 5-3 2-2 4 5-7 3-2 3-7
2-f 2 6 d-2 4-5 4-1 2-1 5 2 9-2 e 8-i 3-q 2-c c 2g-3 2-2 2-a 2-1 3-4 3-2 2 2 2 2-3 2-a 2-5 5-4 7-1b 4 6 4j-1 2-1
6x-1 8m-3u 10i 2w-2 2u 84-1b 1d 2-2 3 2 2 2-3 2 3 7-4 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 9 2 5 3h 8g 2c d-5x 17 1i 2-2 2p-1 3 2o 1e-2l 4-d 2p-u 2-13 9-1a 2-an mkh 2 2 2
2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 k 2 2 2 2 2 2 2 2 2 2 2 2 2 2-1 3p 2 2 2 2 2 2 4 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 9 2 2-1 2 2 2 2 5 2 3 2 4 2 2 2 2 2 2 2 2 2 2-4 2-4 2 2 2 2 2 2 2 2-3 2 2-1 2 2 2 2
2 2 2 2 l-4 3-1 o3-3 a 7-27 f9d-7h 3 2 3-9 2 2 3-1 4-1v 3-2x 13-6 d-4 6 2-n 2-4 2 2-1 2-1 2-2z y-a2 j-1r 3-1h 15-c
4-p n-k 3-b 2-i 2-3 5-2 2 2-3q 3 2-59 4-5 3-5 3-5 3-2 4-6 2-6 2-8 so-13 3t-z 4d-a 2-e 2-6 2-1 do-4 2-15 2-8 xy-1e
4e-l 27v-v gw1-v 1t-o fe0-3 377-z v9-6 f-7 1t-5 g0-2c 2-1y 2-1 3 3-1 3-3 2-b 2 2-6 2-1s 2-3 3-7 2-6 2-r 2-3 2-4 2
4-6 2-9f 3-83 3-1d 1m9-1p 1oz-x yn-3 2-q 2-1 2 3 2-9 2-3 2 2 7 5 2 2 2-2 2-1 2 3 2 2 2 2 2-1 2 3-3 2-6 2-3 2-3 2 2-9
2-g 6-2 2-4 2-g g5-a 6-u 2-v r-2 10 34-2 e-17 5-8 8-1 1wf-9 1ds7-f1 fher-35r
Changes_When_Titlecased:
2p-p 1n 16-n 2-7 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 3 2 2 2 2 2 2 2-1 2 2 2 2 2 2 2 2 2 2 2 2 2
2 2 2 2 2 2 2 2 2 2 3 2 2-2 3 2 3 4 6 3 4-2 3 3 2 2 3 5 3 4 2 3 4 2 5 2-1 2-1 2 2 2 2 2 2 2 2 2-1 2 2 2 2 2 2 2 2
2-2 2 2 4 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 4 2 2 2 2 2 2 2 2 9 3-1 2 5 2 2 2 2-5 2-1 2 2-1 4-1 2-3 2-4 3 2-1 3
8 3 2-1 4-5 6 b-1 4n 18 2 4 4-2 j s-y 2-1 4-2 2 2 2 2 2 2 2 2 2 2 2 2-4 2 3 3 1h-1b 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
2 a 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 3 2 2 2 2 2 2-1 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 1e-12 2up-5 1oj-8 2 6n 4 h 37 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2-6
6 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2-8 9-5 b-7 9-7 9-5
b-7 9-7 9-d 3-7 9-7 9-7 9-4 2-1 7 4-2 2-1 9-3 3-1 9-7 b-2 2-1 9j y-f 5 ng-p 1fr-1b 2 4-1 2 2 2 7 3 b 2 2 2 2 2 2 2 2
2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 9 2 5 d-11 2 6 nx0 2 2 2 2 2 2 2 2
2 2 2 2 2 2 2 2 2 2 2 2 2 2 k 2 2 2 2 2 2 2 2 2 2 2 2 2 3s 2 2 2 2 2 2 4 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
2 2 2 2 2 2 2 2 b 2 3 2 2 2 2 5 5 2-1 3 2 2 2 2 2 2 2 2 2 c 2 2 2 2 2 2 2 5 2 3 2 2 2 2 2 2 2 r nx t-27 fnl-6 d-4
tm-p y6-13 3t-z 4c-a 2-e 2-6 2-1 1dw-1e 3i-l 27v-v gw1-v 1o-o o5r-x
Changes_When_Uppercased:
2p-p 1n 16-n 2-7 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 3 2 2 2 2 2 2 2-1 2 2 2 2 2 2 2 2 2 2 2 2 2
2 2 2 2 2 2 2 2 2 2 3 2 2-2 3 2 3 4 6 3 4-2 3 3 2 2 3 5 3 4 2 3 4 2 6-1 2-1 2-1 2 2 2 2 2 2 2 2-1 2 2 2 2 2 2 2 2
2-1 2-1 2 4 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 4 2 2 2 2 2 2 2 2 9 3-1 2 5 2 2 2 2-5 2-1 2 2-1 4-1 2-3 2-4 3 2-1
3 8 3 2-1 4-5 6 b-1 4n 18 2 4 4-2 j s-y 2-1 4-2 2 2 2 2 2 2 2 2 2 2 2 2-4 2 3 3 1h-1b 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
2 2 a 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 3 2 2 2 2 2 2-1 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 1e-12 289-16 3-2 l5-5 1oj-8 2 6n 4 h 37 2 2 2 2 2 2 2 2 2 2 2
2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
2 2 2 2 2-6 6 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2-8 9-5
b-7 9-7 9-5 b-7 9-7 9-d 3-1g 2-1 5 2 4-2 2-1 5 4-3 3-1 9-7 b-2 2-1 5 9e y-f 5 ng-p 1fr-1b 2 4-1 2 2 2 7 3 b 2 2 2 2
2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 9 2 5 d-11 2 6 nx0 2 2 2 2
2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 k 2 2 2 2 2 2 2 2 2 2 2 2 2 3s 2 2 2 2 2 2 4 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
2 2 2 2 2 2 2 2 2 2 2 2 b 2 3 2 2 2 2 5 5 2-1 3 2 2 2 2 2 2 2 2 2 c 2 2 2 2 2 2 2 5 2 3 2 2 2 2 2 2 2 r nx t-27
fnl-6 d-4 tm-p y6-13 3t-z 4c-a 2-e 2-6 2-1 1dw-1e 3i-l 27v-v gw1-v 1o-o o5r-x
Emoji:
z 7 6-9 34 5 68e d 61 n 2j-5 g-1 a8-1 d 4n q-a 5-2 5k 6g-1 b a 1n-3 2-4 a 3 3-1 3 5 3 2-1 3 4 4-1 9-2 6 2 6-b c-1 3
2-1 2 j 3-1 j-5 2 2-1 4-1 6 3-1 5-1 c-1 6-1 3 6-1 2 2-1 l-1 6-5 2-3 3 5 3 3-5 2 3 2 2 7 4 7 b-1 g 3 5 2 5-2 2 c-1
1d-2 a f f ad-1 cw-2 k-1 1g 5 yj d gq 2 2fzf 5n 4h-1 d-1 f 3-9 24-p 2-1 o l 3-8 m-1 4v-x 3-33 3-1 2-2 3-2a 3-2 2-7a
2-1q c-5 2-n 8-1 3-7 d 3-3 3 5-1 e-1 3 9-1 a 6-2 d-2 9-2 3 2 5 7 4 7-2d 1d-1x 6-7 3-3 4-9 4 2-1 4 3-9 6c-b 5 7w-1a
2-9 2-54 35-c 4-a 4-1k 2 5-f 3-b 5-9
Emoji_Component:
z 7 6-9 6ac 5y 17os 1c5z-p e4-4 14h-3 gw31-2n
Emoji_Modifier:
2qrf-4
Emoji_Modifier_Base:
7j1 64 h-3 2iyg 1p-2 3 3-2 3a-1 3-a m-i 4 5-2 2-2 8 2 p 5m-1 5 m 5-1 4v-2 4-4 2c h-2 a c g0 3 9-7 7 a-9 3-2 1l 1q-1
2-1 2 i-2 2-c 6e-2 17-8
Emoji_Presentation:
6xm-1 5q-3 4 3 ei-1 m-1 1f-b 18 k e 9-1 i-1 6-1 9 6 m 8-1 2 5 3 8 5-1 t 10 2 5-2 2 1q-2 p f nw-1 1g 5 2hf3 5n 5b 3-9
24-p 2 p l 3-4 2-2 m-1 4v-w d-8 2-1x 2-l d-16 5-4 d-g 4 4-1y 2 2-56 3-1q e-3 2-n j r-1 e 2f-2c 1d-1x 7 4-2 3-3 4-3
c-1 8-8 6c-b 5 7w-1a 2-9 2-54 35-c 4-a 4-1k 2 5-f 3-b 5-9
Extended_Pictographic:
4p 5 68e d 61 n 2j-5 g-1 a8-1 d 4n q-a 5-2 5k 6g-1 b a 1n-3 2-4 a 3 3-1 3 5 3 2-1 3 4 4-1 9-2 6 2 6-b c-1 3 2-1 2 j
3-1 j-5 2 2-1 4-1 6 3-1 5-1 c-1 6-1 3 6-1 2 2-1 l-1 6-5 2-3 3 5 3 3-5 2 3 2 2 7 4 7 b-1 g 3 5 2 5-2 2 c-1 1d-2 a f f
ad-1 cw-2 k-1 1g 5 yj d gq 2 2fzf 14-3 2t-b g-1 g f-1 12-9 35-1 d-1 f 3-9 k-1j s-e b l 3-8 2-3 a-m 7-57 3-33 3-1 2-2
3-2a 3-2 2-3 6-71 2-1q c-5 2-n 8-1 3-7 d 3-3 3 5-1 e-1 3 9-1 a 6-2 d-2 9-2 3 2 5 7 4 7-2d 1d-1x 6-7 3-g 4 2-5 3-c
63-11 d-3 1l-7 b-5 15-7 v-1 d-3 3-d a-12 d-1a 2-9 2-54 2h-7 f-41 75-sd
-XID_Start:
oq 249 3k 6p4-1 148y-5 bb-1 39 2 2 2 2 2 2 2 80-1
-XID_Continue:
oq 8wx-1 148y-5 bb-1 39 2 2 2 2 2 2 2
`

// scriptExtensions are the characters that are used with a script beside its own, and after a - those of its own that are not.
const scriptExtensions = `+Adlam:
17j x 55b 2r6
+Caucasian_Albanian:
lg 19 19
+Arabic:
170 f 4 x b-a r 53z 2r6 14vx-1 141-r
+Armenian:
lk
+Avestan:
53 8zd-1
+Bengali:
jg 1at-1 i-1 3u3 2 3-1 2 9 9 3 5 3-2 rne
+Bopomofo:
jr 2-2 e 8x4-2 5-9 2-c b-3 3 7 5g 14ju-1 7v-4
+Buginese:
xjj
+Buhid:
4l1-1
+Chakma:
1ye-9 18x-9
+Carian:
53 68z 3 2qc
+Cherokee:
lc-2 2 7-1 n-1 c-1
+Coptic:
53 g9 4-1 2 31-1 8f6 1615-r
+Cypro_Minoan:
1erk-1
+Cypriot:
1erk-2 5-18 4-8
+Cyrillic:
jg 1w-2 2 2 2 3 6 ac-1 50y 37v
+Devanagari:
jg 1at-1 i-1 3u3-12 2-1 s7 qps-9
+Dogra:
1us-b vcx-9
+Duployan:
53 gg-1 2 p-1 8ig 26p0-3
+Elbasan:
53 ge
+Ethiopic:
lq
+Georgian:
53 ya 29e 31b 2qf
+Glagolitic:
53 gc 2 an 3 76 29e 31b 2qx nqk
+Gunjala_Gondi:
53 1pp-1
+Masaram_Gondi:
1us-1
+Gothic:
53 gd-1 3 15
+Grantha:
1u9-1 i-1 ht-d 3bx 2-1 v-2 4-1 s7 1buz 2hh-1 2
+Greek:
53 g9-1 3 2 2 b 1b 3 1b 570-1 ik
+Gujarati:
1u9-1 i-1 vd7-9
+Gurmukhi:
1u9-1 i-1 vd7-9
+Hangul:
9hd-2 5-9 2-c h 7 5g 14ju-1 7v-4
+Han:
53 9bt-f 2-2 3 2-9 2-c b-3 3 7 5-3 58 45-f x-11 a 1d-13 1l-1c g-b 1g 2h-o b-4 2p-u mpu-7 h8e-1 7v-4 15vf-h 63j-1
+Hanunoo:
4l1-1
+Hebrew:
lj-1
+Hiragana:
9hd-2 5-9 2-c h-5 2 5-1 2k-3 4 2j-1 14jt-1 7v-4 b 1a-1
+Old_Hungarian:
6e2 3 2qc g
+Javanese:
xjj
+Kayah_Li:
xf2
+Katakana:
lh u 8v2-2 5-9 2-c h-5 2 5-1 2k-3 4 2j-1 14jt-1 7v-4 b 1a-1
+Khojki:
25i-9 v29-9
+Kannada:
1u9-1 i-1 3u3 2-1 7 o 2 ri4-5
+Kaithi:
1uu-9 79e o3j-9
+Latin:
53 ed b 2-2 2 a 2 13-e 2-1 2 g-2 8-1 2-1 13 6 5-c 7q-1 y3-1 1ih 2kd fr 5d 2lj nvt-7 fb
+Limbu:
1ut
+Linear_A:
1err-18
+Linear_B:
1erk-2 5-18 4-8
+Lisu:
jg h 8xp-1
+Lycian:
6e2
+Lydian:
53 8ze
+Mahajani:
53 1pp-b vcx-9
+Mandaic:
18g
+Manichaean:
18g
+Meroitic_Hieroglyphs:
6e5
+Malayalam:
1u9-1 i-1 3ud o ri6-2
+Modi:
x80-9
+Mongolian:
4qq-1 2 1m2 34i-1 6-3
+Multani:
21y-9
+Myanmar:
xf2
+Nandinagari:
1u9 j-1 ox-9 35m 9 8 rhy-5
+Newa:
1u9-1 3ur 2-1 a 7 2 2
+Nko:
170 f 4 1ctb-1
+Old_Turkic:
6e2 2qe
+Oriya:
1u9-1 i-1 3ud o
+Osage:
ld 3 7 25
+Old_Uyghur:
18g 1fhu
+Old_Permic:
53 g9 6-2 b a8
+Phags_Pa:
4qq-1 2 1m2 34j
+Psalter_Pahlavi:
18g
+Hanifi_Rohingya:
170 f 4 x 44
+Runic:
4iz-2
+Samaritan:
94h
+Shavian:
53
+Sharada:
1u9 3uu 2 3-1 3 a 3 rib-5 3
+Khudawadi:
1us-1 vd7-9
+Sinhala:
1us-1 3v1
+Sogdian:
18g
+Syloti_Nagri:
1us-1 3l-9
+Syriac:
lf-1 3-1 2 p-2 8-1 2-1 kb f-1 3 x b-a r 4nc 2
+Tagbanwa:
4l1-1
+Takri:
1us-1 vd7-9
+Tai_Le:
lc-1 6-1 4 2lw-9
+Tamil:
1u9-1 i-1 3ud ro9 ky6 2 1k-1
+Tangut:
9gw-f ds
+Telugu:
1u9-1 i-1 3u8-1 2 2 o
+Tifinagh:
le 2 2-3 q
+Tagalog:
4l1-1
+Thaana:
170 f-1 3 1t-9 1cw9 b
+Thai:
jg r 18 1a
+Tibetan:
9hk-3
+Tirhuta:
1u9-1 i-1 3u8 d g ri6-9
+Toto:
jg
+Yezidi:
170 f 4 1t-9
+Yi:
9hd-1 6-9 3-7 68 14rq-4
-Inherited:
lc-e 2-1 2 g-2 8-1 2-1 h 3 j 6 5-c 7q-1 cl-a r kh-1 3um-2 2-c 2-6 5 7 4-1 5j-1 1j 2 l2 30a-3 30-1 15ja 38b
-Common:
53 ed b 2-2 2 a 2 4b ig f 4 x mc-1 1hy 168-2 20-1 5o-1 2 y6 e 8-3 2-5 2-2 3 mt w b 3 2pm p-1 b 5 2 bx-f 2-2 3 2-9
2-c h-5 2 5-3 2k-1 4 2j-1 44-f x-11 a 1d-13 1l-1c g-b 1g 2h-o b-4 2p-u mpu-7 89-9 6t 4h ghb-1 7a-1 7v-4 b 1a-1 9t-2
5-18 4-8 bm-q 10o5-3 4hp-h 63j-1
`

// scriptAliases are short names of scripts and what package unicode calls them.
const scriptAliases = `Adlm Adlam, Aghb Caucasian_Albanian, Arab Arabic, Armi Imperial_Aramaic, Armn Armenian, Avst Avestan, Bali Balinese,
Bamu Bamum, Bass Bassa_Vah, Batk Batak, Beng Bengali, Bhks Bhaiksuki, Bopo Bopomofo, Brah Brahmi, Brai Braille,
Bugi Buginese, Buhd Buhid, Cakm Chakma, Cans Canadian_Aboriginal, Cari Carian, Cher Cherokee, Chrs Chorasmian,
Copt Coptic, Qaac Coptic, Cpmn Cypro_Minoan, Cprt Cypriot, Cyrl Cyrillic, Deva Devanagari, Diak Dives_Akuru,
Dogr Dogra, Dsrt Deseret, Dupl Duployan, Egyp Egyptian_Hieroglyphs, Elba Elbasan, Elym Elymaic, Ethi Ethiopic,
Geor Georgian, Glag Glagolitic, Gong Gunjala_Gondi, Gonm Masaram_Gondi, Goth Gothic, Gran Grantha, Grek Greek,
Gujr Gujarati, Guru Gurmukhi, Hang Hangul, Hani Han, Hano Hanunoo, Hatr Hatran, Hebr Hebrew, Hira Hiragana,
Hluw Anatolian_Hieroglyphs, Hmng Pahawh_Hmong, Hmnp Nyiakeng_Puachue_Hmong, Hung Old_Hungarian, Ital Old_Italic,
Java Javanese, Kali Kayah_Li, Kana Katakana, Khar Kharoshthi, Khmr Khmer, Khoj Khojki, Kits Khitan_Small_Script,
Knda Kannada, Kthi Kaithi, Lana Tai_Tham, Laoo Lao, Latn Latin, Lepc Lepcha, Limb Limbu, Lina Linear_A,
Linb Linear_B, Lyci Lycian, Lydi Lydian, Mahj Mahajani, Maka Makasar, Mand Mandaic, Mani Manichaean, Marc Marchen,
Medf Medefaidrin, Mend Mende_Kikakui, Merc Meroitic_Cursive, Mero Meroitic_Hieroglyphs, Mlym Malayalam,
Mong Mongolian, Mroo Mro, Mtei Meetei_Mayek, Mult Multani, Mymr Myanmar, Nand Nandinagari, Narb Old_North_Arabian,
Nagm Nag_Mundari, Nbat Nabataean, Nkoo Nko, Nshu Nushu, Ogam Ogham, Olck Ol_Chiki, Orkh Old_Turkic, Orya Oriya, Osge Osage,
Osma Osmanya, Ougr Old_Uyghur, Palm Palmyrene, Pauc Pau_Cin_Hau, Perm Old_Permic, Phag Phags_Pa,
Phli Inscriptional_Pahlavi, Phlp Psalter_Pahlavi, Phnx Phoenician, Plrd Miao, Prti Inscriptional_Parthian,
Rjng Rejang, Rohg Hanifi_Rohingya, Runr Runic, Samr Samaritan, Sarb Old_South_Arabian, Saur Saurashtra,
Sgnw SignWriting, Shaw Shavian, Shrd Sharada, Sidd Siddham, Sind Khudawadi, Sinh Sinhala, Sogd Sogdian,
Sogo Old_Sogdian, Sora Sora_Sompeng, Soyo Soyombo, Sund Sundanese, Sylo Syloti_Nagri, Syrc Syriac, Tagb Tagbanwa,
Takr Takri, Tale Tai_Le, Talu New_Tai_Lue, Taml Tamil, Tang Tangut, Tavt Tai_Viet, Telu Telugu, Tfng Tifinagh,
Tglg Tagalog, Thaa Thaana, Tibt Tibetan, Tirh Tirhuta, Tnsa Tangsa, Ugar Ugaritic, Vaii Vai, Vith Vithkuqi,
Wara Warang_Citi, Wcho Wancho, Xpeo Old_Persian, Xsux Cuneiform, Yezi Yezidi, Yiii Yi, Zanb Zanabazar_Square,
Zinh Inherited, Qaai Inherited, Zyyy Common, Zzzz Unknown`
