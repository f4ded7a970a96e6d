"""Part I, sound: Boes and Van hamme, *Audiovisual transfer learning for audio tagging and SED*."""
