// A row a model; `rows.ts` says what the columns are and where the facts are from.

/** Linf, 4/255. */
export const IMAGENET_LINF = `
Wong2020Fast                             ResNet-50              tv-resnet-50  imagenet  Crop288               55.62  26.24  -      1deM2ZNS5tf3S_-eRURJi-IlvUL8WJQ_w
Engstrom2019Robustness                   ResNet-50              tv-resnet-50  imagenet  Res256Crop224         62.56  29.22  -      1T2Fvi1eCJTeAOEzrH_4TAIwO8HTOYVyn
Salman2020Do_R50                         ResNet-50              tv-resnet-50  imagenet  Res256Crop224         64.02  34.96  -      1TmT5oGa1UvVjM3d-XeSj_XmKqBNRUg8r
Salman2020Do_R18                         ResNet-18              tv-resnet     imagenet  Res256Crop224         52.92  25.32  -      1OThCOQCOxY6lAgxZxgiK3YuZDD7PPfPx
Salman2020Do_50_2                        WideResNet-50-2        tv-resnet-50  imagenet  Res256Crop224         68.46  38.14  -      1OT7xaQYljrTr3vGbM37xK9SPoPJvbSKB
Standard_R50                             ResNet-50              tv-resnet-50  imagenet  Res256Crop224         76.52  0.00   -      https://download.pytorch.org/models/resnet50-0676ba61.pth
Debenedetti2022Light_XCiT-S12            XCiT-S12               xcit          none      BicubicRes224Crop224  72.34  41.78  -      https://github.com/RobustBench/robustbench/releases/download/v1.1/debenedetti2022light-xcit-s-imagenet-linf.pth.tar
Debenedetti2022Light_XCiT-M12            XCiT-M12               xcit          none      BicubicRes224Crop224  74.04  45.24  -      https://github.com/RobustBench/robustbench/releases/download/v1.1/debenedetti2022light-xcit-m-imagenet-linf.pth.tar
Debenedetti2022Light_XCiT-L12            XCiT-L12               xcit          none      BicubicRes224Crop224  73.76  47.60  -      https://github.com/RobustBench/robustbench/releases/download/v1.1/debenedetti2022light-xcit-l-imagenet-linf.pth.tar
Singh2023Revisiting_ViT-S-ConvStem       ViT-S + ConvStem       vit-s         imagenet  BicubicRes256Crop224  72.56  48.08  -      1-1sUYXnj6bDXacIKI3KKqn4rlkmL-ZI2
Singh2023Revisiting_ViT-B-ConvStem       ViT-B + ConvStem       vit-b         none      BicubicRes256Crop224  76.30  54.66  -      1-JBbfi_eH3tKMXObvPPHprrZae0RiQGT
Singh2023Revisiting_ConvNeXt-T-ConvStem  ConvNeXt-T + ConvStem  convnext      none      BicubicRes256Crop224  72.72  49.46  -      1-FjtOF6LJ3-bf4VezsmWwncCxYSx-USP
Singh2023Revisiting_ConvNeXt-S-ConvStem  ConvNeXt-S + ConvStem  convnext      none      BicubicRes256Crop224  74.10  52.42  -      1-ZrMYajCCnrtV4oT0wa3qJJoQy1nUSnL
Singh2023Revisiting_ConvNeXt-B-ConvStem  ConvNeXt-B + ConvStem  convnext      none      BicubicRes256Crop224  75.90  56.14  -      1-lE-waaVvfL7lgBrydmZIM9UJimmHnVe
Singh2023Revisiting_ConvNeXt-L-ConvStem  ConvNeXt-L + ConvStem  convnext      none      BicubicRes256Crop224  77.00  57.70  -      10-YOVdM2EQjHemSi9x2H44qKRSOXVQmh
Liu2023Comprehensive_ConvNeXt-B          ConvNeXt-B             convnext      imagenet  BicubicRes256Crop224  76.02  55.82  -      10-nSm-qUftvfKXHeOAakBQl8rxm-jCbk
Liu2023Comprehensive_ConvNeXt-L          ConvNeXt-L             convnext      imagenet  BicubicRes256Crop224  78.02  58.48  -      1dIPLNfdQtAnqZrKPyuy3_zDI-FVgJ2FH
Liu2023Comprehensive_Swin-B              Swin-B                 swin          imagenet  BicubicRes256Crop224  76.16  56.16  -      1-4mtxQCkThJUVdS3wvQ6NnmMZuySqR3c
Liu2023Comprehensive_Swin-L              Swin-L                 swin          imagenet  BicubicRes256Crop224  78.92  59.56  -      1-57sQfcrsDsslfDR18nRD7FnpQmsSBk7
Peng2023Robust                           RaWideResNet-101-2     ra-resnet     file      Res256Crop224         73.44  48.94  -      1-GpZ9Du83mBTN61Ytx9z_ZQSyIc1kYop
Bai2024MixedNUTS                         ConvNeXtV2-L + Swin-L  mixed-nuts-imagenet  -         BicubicRes256Crop224  81.48  58.62  58.50  1-2CwsRuMZXr99PeU2Z7-iFjl_86uIR-Y,1-57sQfcrsDsslfDR18nRD7FnpQmsSBk7
Chen2024Data_WRN_50_2                    WideResNet-50-2        tv-resnet-50  none      Res256Crop224         68.76  40.60  -      1-PBlZVILAKFQ7mF8srKjdkTKJZAr61Uf
Mo2022When_Swin-B                        Swin-B                 swin          imagenet  Res224                74.66  38.30  -      1-SXi4Z2X6Zo_j8EO4slJcBMXNej8fKUd
Mo2022When_ViT-B                         ViT-B                  vit-b         imagenet  Res224                68.38  34.40  -      1-dUFdvDBflqMsMLjZv3wlPJTm-Jm7net
Amini2024MeanSparse_ConvNeXt-L           MeanSparse ConvNeXt-L  convnext      imagenet  BicubicRes256Crop224  77.92  59.64  58.22  1-LUMPqauSx68bPmZFIuklFoJ6NmBhu7A
Amini2024MeanSparse_Swin-L               MeanSparse Swin-L      swin          imagenet  BicubicRes256Crop224  78.80  62.12  58.92  1-KmvrDXd_kcJS-TcNmtHP5NInQ5I4lgS
RodriguezMunoz2024Characterizing_Swin-B  Swin-B                 swin          imagenet  BicubicRes256Crop224  77.76  51.56  -      1-BSUjoFXx3PP-TfeE5fjbofO2lLyUf56
RodriguezMunoz2024Characterizing_Swin-L  Swin-L                 swin          imagenet  BicubicRes256Crop224  79.36  53.82  -      1-Dc9WhPU2wv4OMskLo1U57n5O8VbpNXv
Xu2024MIMIR_Swin-B                       Swin-B                 swin-mimir    none      BicubicRes256Crop224  76.62  55.90  -      1CkuhAOvqB8Ma1WYsJJ4qDiyVld28pqpx
Xu2024MIMIR_Swin-L                       Swin-L                 swin-mimir    none      BicubicRes256Crop224  78.62  59.68  -      1-1VIAy1Qn4KX6whAIeKZqWL4wkSEdba4
`;

/** Common corruptions (ImageNet-C). */
export const IMAGENET_CORRUPTIONS = `
Erichson2022NoisyMix      ResNet-50        tv-resnet-50  imagenet  Res256Crop224         76.98  52.47  -  1wFsiB5h4Fgv6HqOkI_1jR1SZOB_eNK9r
Erichson2022NoisyMix_new  ResNet-50        tv-resnet-50  imagenet  Res256Crop224         76.90  53.28  -  1Na79fzPZ0Azg01h6kGn1Xu5NoWOElSuG
Geirhos2018_SIN           ResNet-50        tv-resnet-50  imagenet  Res256Crop224         60.08  39.92  -  1hLgeY_rQIaOT4R-t_KyOqPNkczfaedgs
Geirhos2018_SIN_IN        ResNet-50        tv-resnet-50  imagenet  Res256Crop224         74.98  45.76  -  139pWopDnNERObZeLsXUysRcLg6N1iZHK
Geirhos2018_SIN_IN_IN     ResNet-50        tv-resnet-50  imagenet  Res256Crop224         77.56  42.00  -  1xOvyuxpOZ8I5CZOi0EGYG_R6tu3ZaJdO
Hendrycks2020Many         ResNet-50        tv-resnet-50  imagenet  Res256Crop224         76.86  52.90  -  1kylueoLtYtxkpVzoOA1B6tqdbRl2xt9X
Hendrycks2020AugMix       ResNet-50        tv-resnet-50  imagenet  Res256Crop224         77.34  49.33  -  1xRMj1GlO93tLoCMm0e5wEvZwqhIjxhoJ
Salman2020Do_50_2_Linf    WideResNet-50-2  tv-resnet-50  imagenet  Res256Crop224         68.64  36.09  -  1OT7xaQYljrTr3vGbM37xK9SPoPJvbSKB
Standard_R50              ResNet-50        tv-resnet-50  imagenet  Res256Crop224         76.72  39.48  -  https://download.pytorch.org/models/resnet50-0676ba61.pth
AlexNet                   AlexNet          alexnet       imagenet  Res224Crop224         56.24  21.12  -  https://download.pytorch.org/models/alexnet-owt-7be5be79.pth
Tian2022Deeper_DeiT-S     DeiT Small       vit-s         imagenet  BicubicRes248Crop224  79.76  62.91  -  https://github.com/RobustBench/robustbench/releases/download/v1.1.1-test/tian2022deeper-deit-s.pth
Tian2022Deeper_DeiT-B     DeiT Base        vit-b         imagenet  BicubicRes248Crop224  81.38  67.55  -  https://github.com/RobustBench/robustbench/releases/download/v1.1.1-test/tian2022deeper-deit-b.pth
`;
