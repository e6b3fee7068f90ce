;; Base64 lines of one width back to octets (RFC 2045 section 6.8), whole lines only, 16 columns at a time (SIMD128).
;;
;; unfold(src, lines, dst, width, crlf) reads lines of `width` columns, a multiple of 4 and at least 16, each ended by CRLF
;; (crlf is 1) or LF (0), and writes 3 octets for each 4 columns. It stops in front of the first line that holds another
;; character or another end, and gives the octets it has read. It writes up to 4 octets behind its output; the caller
;; leaves that room. The assembled bytes lie in base64-unfold-module.ts; a test assembles this file and compares.
;;
;; A character is judged by two tables, one for each half of its octet: the two entries have a bit in common where it is
;; none of the alphabet. Its 6-bit value is the character plus an offset found by its upper half, the slash apart. Two
;; shifts, one multiplication and a swizzle pack each four values into three octets. What is left of a line after the
;; last 16 columns is read once more together with the columns before it.
(module
 (memory (export "memory") 3)
 (func (export "unfold") (param $src i32) (param $lines i32) (param $dst i32) (param $width i32) (param $crlf i32) (result i32)
  (local $chars v128) (local $upper v128) (local $faults v128) (local $column i32) (local $to i32) (local $start i32)
  (local.set $start (local.get $src))
  (block $bad (loop $line
   (br_if $bad (i32.eqz (local.get $lines)))
   (if (local.get $crlf)
    (then (br_if $bad (i32.ne (i32.load16_u (i32.add (local.get $src) (local.get $width))) (i32.const 0x0a0d))))
    (else (br_if $bad (i32.ne (i32.load8_u (i32.add (local.get $src) (local.get $width))) (i32.const 10)))))
   (local.set $faults (v128.const i32x4 0 0 0 0)) (local.set $column (i32.const 0)) (local.set $to (local.get $dst))
   (loop $blk
    (local.set $chars (v128.load (i32.add (local.get $src) (local.get $column))))
    (local.set $upper (v128.and (i16x8.shr_u (local.get $chars) (i32.const 4)) (v128.const i8x16 15 15 15 15 15 15 15 15 15 15 15 15 15 15 15 15)))
    (local.set $faults (v128.or (local.get $faults) (v128.and
     (i8x16.swizzle (v128.const i8x16 0x15 0x11 0x11 0x11 0x11 0x11 0x11 0x11 0x11 0x11 0x13 0x1a 0x1b 0x1b 0x1b 0x1a)
      (v128.and (local.get $chars) (v128.const i8x16 15 15 15 15 15 15 15 15 15 15 15 15 15 15 15 15)))
     (i8x16.swizzle (v128.const i8x16 0x10 0x10 0x01 0x02 0x04 0x08 0x04 0x08 0x10 0x10 0x10 0x10 0x10 0x10 0x10 0x10) (local.get $upper)))))
    (local.set $chars (i8x16.add (local.get $chars) (i8x16.swizzle (v128.const i8x16 0 16 19 4 -65 -65 -71 -71 0 0 0 0 0 0 0 0)
     (i8x16.add (local.get $upper) (i8x16.eq (local.get $chars) (v128.const i8x16 47 47 47 47 47 47 47 47 47 47 47 47 47 47 47 47))))))
    (local.set $chars (v128.or (v128.and (i16x8.shl (local.get $chars) (i32.const 6)) (v128.const i16x8 0xfc0 0xfc0 0xfc0 0xfc0 0xfc0 0xfc0 0xfc0 0xfc0)) (i16x8.shr_u (local.get $chars) (i32.const 8))))
    (v128.store (local.get $to) (i8x16.swizzle (i32x4.dot_i16x8_s (local.get $chars) (v128.const i16x8 4096 1 4096 1 4096 1 4096 1)) (v128.const i8x16 2 1 0 6 5 4 10 9 8 14 13 12 -1 -1 -1 -1)))
    (local.set $to (i32.add (local.get $to) (i32.const 12)))
    (br_if $blk (i32.le_u (i32.add (local.tee $column (i32.add (local.get $column) (i32.const 16))) (i32.const 16)) (local.get $width)))
    (if (i32.lt_u (local.get $column) (local.get $width)) (then
     (local.set $column (i32.sub (local.get $width) (i32.const 16)))
     (local.set $to (i32.add (local.get $dst) (i32.mul (i32.shr_u (local.get $column) (i32.const 2)) (i32.const 3))))
     (br $blk))))
   (br_if $bad (v128.any_true (local.get $faults)))
   (local.set $dst (i32.add (local.get $dst) (i32.mul (i32.shr_u (local.get $width) (i32.const 2)) (i32.const 3))))
   (local.set $src (i32.add (local.get $src) (i32.add (local.get $width) (i32.add (i32.const 1) (local.get $crlf)))))
   (local.set $lines (i32.sub (local.get $lines) (i32.const 1)))
   (br $line)))
  (i32.sub (local.get $src) (local.get $start))))
